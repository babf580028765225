import type { Context } from "hono";
import { Problem } from "./problems.ts";

/** Most bytes of a request's body. */
export const MAX_BODY_BYTES = 1024 * 1024;
/** JSON nested deeper than this is refused before anything walks through it. */
const MAX_DEPTH = 100;

/** The type of a body, without its parameters; a Problem unless it is one of these. */
export function contentType(c: Context, allowed: readonly string[]): string {
  const type = (c.req.header("content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
  const encoding = c.req.header("content-encoding");
  if (!allowed.includes(type) || (encoding !== undefined && encoding !== "identity")) {
    throw new Problem(415, `The body must be ${allowed.join(" or ")}, not compressed.`, {
      headers: { Accept: allowed.join(", ") },
    });
  }
  return type;
}

/** The body as text. Reading stops at the limit, whatever length was announced. */
export async function readText(c: Context, limit = MAX_BODY_BYTES): Promise<string> {
  const tooBig = () => new Problem(413, `The body is bigger than ${limit.toLocaleString("en")} bytes.`);
  if (Number(c.req.header("content-length") ?? 0) > limit) throw tooBig();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of (c.req.raw.body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength;
    if (size > limit) throw tooBig();
    chunks.push(chunk);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    throw new Problem(400, "The body is not UTF-8 text.");
  }
}

/** Text as JSON; the Problem names the line where there are several. */
export function parseJson(text: string, line?: number): unknown {
  const fail = (detail: string) => {
    const where = line === undefined ? "The body" : `Line ${line}`;
    return new Problem(400, `${where} ${detail}.`, line === undefined ? {} : { errors: [{ line, detail }] });
  };
  if (nestedTooDeep(text)) throw fail(`is nested deeper than ${MAX_DEPTH} levels`);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw fail(`is not JSON: ${(error as Error).message}`);
  }
}

function nestedTooDeep(text: string): boolean {
  let depth = 0;
  let inText = false;
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (inText) {
      if (char === "\\") i += 1;
      else if (char === '"') inText = false;
    } else if (char === '"') inText = true;
    else if (char === "{" || char === "[") {
      depth += 1;
      if (depth > MAX_DEPTH) return true;
    } else if (char === "}" || char === "]") depth -= 1;
  }
  return false;
}
