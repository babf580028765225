import { expect, test } from "bun:test";
import { middleSlope } from "./slope.ts";

test("given a level line with one point far off, then the middle slope is none", () => {
  expect(middleSlope([0, 1, 2, 3, 4], [5, 5, 90, 5, 5])).toBeCloseTo(0);
});

test("given points on a line but one, then the middle slope is the line's", () => {
  expect(middleSlope([0, 1, 2, 3, 4], [0, 2, 50, 6, 8])).toBeCloseTo(2);
});

test("given one point, then no middle slope", () => {
  expect(middleSlope([1], [7])).toBe(0);
});
