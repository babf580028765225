import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "..", "..");

test("given SECURITY.md, when its claims are read, then each names tests that are there", () => {
  const rows = readFileSync(join(ROOT, "SECURITY.md"), "utf8")
    .split("\n")
    .filter((line) => /^\| (?!what|---)/.test(line));
  expect(rows.length).toBeGreaterThan(10);
  for (const row of rows) {
    const named = [...row.matchAll(/\]\(([^)]+)\)/g)].map(([, file = ""]) => file);
    expect([row, named.length > 0, named.filter((file) => !existsSync(join(ROOT, file)))]).toEqual([row, true, []]);
  }
});
