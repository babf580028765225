import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Report } from "./report.ts";

/** What every part is given. */
export interface Setting {
  readonly report: Report;
  readonly signal: AbortSignal;
  /** Python with moto and the linters in it, or why there is none. */
  readonly python: () => Promise<Python>;
}

export type Python = { readonly bin: string } | { readonly missing: string };

/** The project's folder. */
export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
export const INFRASTRUCTURE = join(ROOT, "infrastructure");
export const STACKS = ["msk", "ec2-kafka"] as const;
export type StackName = (typeof STACKS)[number];

/** Works in a folder that is gone afterwards. */
export async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "stream-infra-"));
  chmodSync(folder, 0o755); // As root, Postgres runs as another user, which has to get in.
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
