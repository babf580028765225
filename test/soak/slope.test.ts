import { expect, test } from "bun:test";
import { slope } from "./slope.ts";

test("given points on a line, then its slope", () => {
  expect(slope([0, 1, 2, 5], [3, 5, 7, 13])).toBeCloseTo(2);
});

test("given points around a level line, then none", () => {
  expect(slope([0, 1, 2, 3], [5, 4, 4, 5])).toBeCloseTo(0);
});

test("given one point, then none", () => {
  expect(slope([1], [7])).toBe(0);
});
