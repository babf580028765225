import { expect, test } from "bun:test";
import fc from "fast-check";
import { fullJitter } from "./retry.ts";

test("given any attempt and random, when a pause is drawn, then it lies within base*2^(n-1) and the cap", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1_000 }),
      fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
      (attempt, random) => {
        const pause = fullJitter(attempt, { baseMs: 100, capMs: 5_000 }, () => random);
        expect(pause).toBeGreaterThanOrEqual(1);
        expect(pause).toBeLessThanOrEqual(Math.min(5_000, 100 * 2 ** (attempt - 1)));
      },
    ),
  );
});

test("given the largest random, when attempts go on, then the pause doubles until the cap", () => {
  const pauses = [1, 2, 3, 4, 10].map((attempt) => fullJitter(attempt, { baseMs: 100, capMs: 500 }, () => 0.999));
  expect(pauses).toEqual([99, 199, 399, 499, 499]);
});
