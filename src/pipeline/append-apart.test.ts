import { expect, test } from "bun:test";
import { DataError, EnvironmentError } from "../engine/errors.ts";
import type { NewRecord, RecordPosition } from "../engine/log.ts";
import { appendApart } from "./append-apart.ts";

const record = (key: string): NewRecord => ({ key, value: "", headers: {} });

/** A log that takes records one after the other until one is too large, and what it took. */
function aLog(tooLarge: ReadonlySet<string>) {
  const taken: string[] = [];
  const append = async (records: readonly NewRecord[]): Promise<RecordPosition[]> =>
    records.map(({ key }) => {
      if (tooLarge.has(key)) throw new DataError(key, "too_large");
      taken.push(key);
      return { topic: "t", partition: 0, offset: taken.length - 1 };
    });
  return { append, taken };
}

test("given two records that are too large, when appended, then only these are left out, and none is before an earlier one", async () => {
  const keys = [..."abcdefgh"];
  const { append, taken } = aLog(new Set(["c", "h"]));
  const alone: string[] = [];
  const placed = await appendApart(keys.map(record), append, async ({ key }) => {
    alone.push(key);
    return null;
  });
  expect(alone).toEqual(["c", "h"]);
  expect(placed.map((position) => position && taken[position.offset])).toEqual([..."ab", null, ..."defg", null]);
  for (const [index, key] of taken.entries())
    expect(
      keys.filter((earlier) => earlier < key && !alone.includes(earlier) && !taken.slice(0, index).includes(earlier)),
    ).toEqual([]);
});

test("given a log that is away, when appended, then nothing is tried apart", async () => {
  let tries = 0;
  const away = async () => {
    tries += 1;
    throw new EnvironmentError("Kafka: nobody there");
  };
  await expect(appendApart([..."ab"].map(record), away, async () => null)).rejects.toThrow("nobody there");
  expect(tries).toBe(1);
});
