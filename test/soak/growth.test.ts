import { expect, test } from "bun:test";
import { growth } from "./growth.ts";
import type { Sample } from "./servers-watch.ts";

/** A sample a minute; `at` says what the second half's n-th minute is otherwise. */
const minutes = (count: number, at: (n: number) => Sample): Sample[] =>
  Array.from({ length: count }, (_, n) => ({
    "router MB": 120 + (n % 3) * 10,
    "disk MB": n * 40,
    "bookkeeping rows": 60,
    "bookkeeping KB": 900,
    ...(n < count / 2 ? {} : at(n - count / 2)),
  }));

test("given twenty minutes in which memory only sways, then nothing grows", () => {
  expect(growth(minutes(20, () => ({})))).toEqual([]);
});

test("given a process that grows by 3 MB a minute, then it is named", () => {
  expect(growth(minutes(20, (n) => ({ "router MB": 120 + n * 3 + (n % 2) })))).toEqual([
    expect.stringMatching(/^router MB grows by 3/),
  ]);
});

test("given ten minutes, then memory is not judged", () => {
  expect(growth(minutes(10, (n) => ({ "router MB": 120 + n * 3 })))).toEqual([]);
});

test("given a row of bookkeeping more, or too many bytes, then each is named", () => {
  expect(growth(minutes(6, (n) => ({ "bookkeeping rows": 60 + n })))).toEqual(["bookkeeping grew from 60 to 62 rows"]);
  expect(growth(minutes(6, () => ({ "bookkeeping KB": 17_000 })))).toEqual(["bookkeeping takes 17000 KB"]);
});
