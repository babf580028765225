import { expect, test } from "bun:test";
import type { LogRecord } from "../../engine/log.ts";
import { BATCH_BYTES, READ_AHEAD_BYTES, ReadAhead } from "./read-ahead.ts";

const recordOf = (partition: number, offset: number, bytes: number): LogRecord => ({
  topic: "events.raw",
  partition,
  offset,
  key: Buffer.from("k"),
  value: Buffer.alloc(bytes),
  headers: {},
  timestamp: 0,
});

/** Adds records of one size until no more should be fetched; says how many there are. */
function fill(ahead: ReadAhead, bytes: number): number {
  let count = 0;
  while (!ahead.isFull) {
    ahead.add(recordOf(count % 3, count, bytes));
    count += 1;
  }
  return count;
}

test.each([10, 2_000, 512_000])(
  "given records of %i bytes, when read ahead, then neither they nor a batch take much",
  (bytes) => {
    const ahead = new ReadAhead();
    const count = fill(ahead, bytes);
    expect(count).toBeLessThanOrEqual(10_000);
    expect(count * bytes).toBeLessThan(READ_AHEAD_BYTES + bytes);
    let taken = 0;
    for (let batch = ahead.take(1_000); batch; batch = ahead.take(1_000)) {
      expect(batch.records.length * bytes).toBeLessThanOrEqual(BATCH_BYTES);
      taken += batch.records.length;
    }
    expect(taken).toBe(count);
    expect(ahead.isEmpty).toBe(true);
  },
);

test("given a record larger than a batch may be, when taken, then it comes alone", () => {
  const ahead = new ReadAhead();
  for (const offset of [0, 1]) ahead.add(recordOf(0, offset, BATCH_BYTES + 1));
  expect(ahead.take(1_000)?.records.map(({ offset }) => offset)).toEqual([0]);
  expect(ahead.take(1_000)?.records.map(({ offset }) => offset)).toEqual([1]);
});

test("given several partitions, when taken, then they take turns and each keeps its order", () => {
  const ahead = new ReadAhead();
  for (const offset of [0, 1, 2]) for (const partition of [0, 1]) ahead.add(recordOf(partition, offset, 1));
  const batches = [1, 2, 3, 4].map(() => ahead.take(2));
  expect(batches.map((batch) => [batch?.partition, batch?.records.map(({ offset }) => offset)])).toEqual([
    [0, [0, 1]],
    [1, [0, 1]],
    [0, [2]],
    [1, [2]],
  ]);
});

test("given a full read-ahead, when half of it was taken, then there is room again, and not before", () => {
  const ahead = new ReadAhead();
  fill(ahead, 512_000);
  expect(ahead.hasRoom).toBe(false);
  ahead.take(1);
  expect(ahead.isFull).toBe(false);
  expect(ahead.hasRoom).toBe(false);
  while (!ahead.hasRoom) ahead.take(1);
  expect(ahead.isEmpty).toBe(false);
});
