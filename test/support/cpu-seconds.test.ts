import { expect, test } from "bun:test";
import { cpuSeconds, fromPs, fromStat } from "./cpu-seconds.ts";

test("given a process that computes, when asked before and after, then it has used that time", () => {
  const before = cpuSeconds(process.pid);
  const computed = process.cpuUsage();
  while (process.cpuUsage(computed).user < 100_000);
  expect(cpuSeconds(process.pid) - before).toBeGreaterThan(0.07);
}, 30_000);

test("given what systems say, then it is read as seconds", () => {
  expect(fromStat(`7 (a) b) S 1 7 7 0 -1 0 98 0 0 0 150 25 0 0 20`)).toBe(1.75);
  expect(fromPs("  1:02.50\n")).toBe(62.5);
  expect(fromPs("2:00:01.00")).toBe(7_201);
});
