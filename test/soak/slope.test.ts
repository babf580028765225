import { expect, test } from "bun:test";
import { middleSlope, sureSlope } from "./slope.ts";

test("given a level line with one point far off, then the middle slope is none", () => {
  expect(middleSlope([0, 1, 2, 3, 4], [5, 5, 90, 5, 5])).toBeCloseTo(0);
});

test("given points on a line but one, then the middle slope is the line's", () => {
  expect(middleSlope([0, 1, 2, 3, 4], [0, 2, 50, 6, 8])).toBeCloseTo(2);
});

test("given one point, then no middle slope", () => {
  expect(middleSlope([1], [7])).toBe(0);
});

const MINUTES = Array.from({ length: 11 }, (_, n) => n);

test("given what grows a little unevenly, then nearly all of its slope is sure", () => {
  const grows = MINUTES.map((n) => 100 + 3 * n + (n % 3));
  expect(sureSlope(MINUTES, grows)).toBeGreaterThan(2.5);
  expect(sureSlope(MINUTES, grows)).toBeLessThanOrEqual(middleSlope(MINUTES, grows));
});

test("given what sways between two levels, then no growth is sure, wherever it happens to begin and end", () => {
  expect(sureSlope(MINUTES, [148, 123, 123, 143, 150, 124, 124, 144, 149, 148, 148])).toBeLessThan(2);
  expect(middleSlope(MINUTES, [148, 123, 123, 143, 150, 124, 124, 144, 149, 148, 160])).toBeGreaterThan(1);
});

test("given one point, then no sure slope", () => {
  expect(sureSlope([1], [7])).toBe(0);
});
