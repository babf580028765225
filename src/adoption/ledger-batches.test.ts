import { expect, test } from "bun:test";
import { bySize } from "./ledger-batches.ts";

const sizes = (all: readonly number[], limit: number) =>
  bySize(
    all.map((size) => ({ size })),
    limit,
  ).map((batch) => batch.map(({ size }) => size));

test("given rows of many sizes, when they are cut into batches, then none is over the limit but a row that is so alone", () => {
  expect(sizes([4, 4, 3, 1, 20, 2, 8, 1], 10)).toEqual([[4, 4], [3, 1], [20], [2, 8], [1]]);
  expect(sizes([], 10)).toEqual([]);
});
