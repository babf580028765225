import { expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { processStart, takeLock } from "./lock.mjs";

const LOCK = fileURLToPath(new URL("./lock.mjs", import.meta.url));

function inFolder<T>(work: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), "stream-lock-"));
  try {
    return work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("given a held lock, when taken again, then its holder is named, and released it can be had", () => {
  inFolder((folder) => {
    const path = join(folder, "lock");
    const first = takeLock(path);
    expect(takeLock(path).holder?.pid).toBe(process.pid);
    first.release?.();
    expect(takeLock(path).holder).toBeUndefined();
  });
});

test.each([
  ["of a process that is gone", { pid: 2 ** 22 + 1, start: "x" }],
  ["of an earlier process with our pid", { pid: process.pid, start: "x" }],
  ["cut off by a power cut", undefined],
])("given a lock %s, when taken, then it can be had", (_, holder) => {
  inFolder((folder) => {
    writeFileSync(join(folder, "lock.12"), holder ? JSON.stringify(holder) : '{"pid":');
    expect(takeLock(join(folder, "lock")).holder).toBeUndefined();
    expect(JSON.parse(readFileSync(join(folder, "lock.13"), "utf8")).pid).toBe(process.pid);
  });
});

test("given a pid, when asked for its start, then only a running process has one, always the same", () => {
  expect(processStart(process.pid)).toBe(processStart(process.pid) ?? "none");
  expect(processStart(2 ** 22 + 1)).toBeUndefined();
  expect(processStart(0)).toBeUndefined();
});

test("given processes that fight for a stale lock, when each writes while it has it, then never two at once", async () => {
  const folder = mkdtempSync(join(tmpdir(), "stream-lock-"));
  writeFileSync(join(folder, "lock.3"), '{"pid":');
  const script = `
    import { appendFileSync, writeFileSync, rmSync } from "node:fs";
    import { takeLock } from ${JSON.stringify(LOCK)};
    for (let had = 0; had < 20; ) {
      const lock = takeLock("lock");
      if (lock.holder) continue;
      writeFileSync("inside", "", { flag: "wx" });
      appendFileSync("turns", ".");
      rmSync("inside");
      lock.release();
      had++;
    }`;
  const codes = [1, 2, 3, 4].map(
    () =>
      new Promise((resolve) => {
        const child = spawn("node", ["--input-type=module", "-e", script], {
          cwd: folder,
          stdio: ["ignore", "ignore", "inherit"],
        });
        child.once("exit", resolve);
      }),
  );
  expect(await Promise.all(codes)).toEqual([0, 0, 0, 0]);
  expect(readFileSync(join(folder, "turns"), "utf8")).toHaveLength(80);
  rmSync(folder, { recursive: true });
}, 30_000);
