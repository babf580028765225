import type { Context } from "hono";
import { within } from "../engine/patience.ts";
import { Problem } from "./problems.ts";

/** Most bytes of a request's body. */
export const MAX_BODY_BYTES = 1024 * 1024;
/** How long a body may take to come. Without this, a client that sends a byte now and then would be kept for hours. */
const BODY_MS = 10_000;
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

/** The body as text. Reading stops at the limit, whatever length was announced, and when its time is over. */
export async function readText(c: Context, limit = MAX_BODY_BYTES, withinMs = BODY_MS): Promise<string> {
  if (Number(c.req.header("content-length") ?? 0) > limit) throw tooBig(limit);
  const reader = c.req.raw.body?.getReader();
  const bytes = reader ? await within(withinMs, readAll(reader, limit), () => null) : Buffer.alloc(0);
  if (bytes === null) {
    void reader?.cancel().catch(() => {});
    throw new Problem(408, "The body took too long to come.", { headers: { Connection: "close" } });
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Problem(400, "The body is not UTF-8 text.");
  }
}

async function readAll(reader: ReadableStreamDefaultReader<Uint8Array>, limit: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    size += part.value.byteLength;
    if (size > limit) {
      void reader.cancel().catch(() => {});
      throw tooBig(limit);
    }
    chunks.push(part.value);
  }
  return Buffer.concat(chunks);
}

function tooBig(limit: number): Problem {
  return new Problem(413, `The body is bigger than ${limit.toLocaleString("en")} bytes.`);
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
