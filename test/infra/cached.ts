import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./setting.ts";

/**
 * A folder in `.setup` that is made from a file of the project: the first time, and again when that file changed. `make`
 * fills it, or says in a sentence why it cannot.
 */
export async function cached(
  name: string,
  source: string,
  make: (folder: string) => Promise<string | null>,
): Promise<{ readonly folder: string } | { readonly missing: string }> {
  const folder = join(ROOT, ".setup", name);
  const stamp = join(folder, "made-from.sha256");
  const wanted = createHash("sha256").update(readFileSync(source)).digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return { folder };
  console.log(`making .setup/${name} (once)`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const problem = await make(folder);
  if (problem) return { missing: problem };
  writeFileSync(stamp, wanted);
  return { folder };
}

/** What a program said last: the reason, mostly. */
export function lastLine(output: string): string {
  return output.trim().split("\n").at(-1) ?? "";
}
