import { expect, test } from "bun:test";
import { type Clock, systemClock } from "../engine/clock.ts";
import { EnvironmentError } from "../engine/errors.ts";
import type { Log, LogRecord, RecordBatch } from "../engine/log.ts";
import { silentLogger } from "../engine/logger.ts";
import type { GroupPosition, Store, StoreTx } from "../engine/store.ts";
import { noTelemetry } from "../engine/telemetry.ts";
import { consume, type RecordHandler } from "./consume.ts";

const TOPIC = { topic: "events.raw", partition: 0, topicId: "t1" };

const recordAt = (offset: number): LogRecord => ({
  ...TOPIC,
  offset,
  key: Buffer.from("k"),
  value: Buffer.from(String(offset)),
  headers: {},
  timestamp: 0,
});

const batchOf = (epoch: number, ...offsets: number[]): RecordBatch => ({
  ...TOPIC,
  epoch,
  records: offsets.map(recordAt),
});

/** Pauses end at once, so that all there is to do is done before any timer fires. */
const noWait: Clock = { ...systemClock, sleep: async () => {} };

/**
 * A log that serves one list of batches per subscription, and a store that keeps one position. `disown` names batches
 * (by first offset) that are no longer ours when they come up.
 */
function aWorld(rounds: RecordBatch[][], { disown = [] as number[] } = {}) {
  let position: GroupPosition | null = null;
  let subscriptions = 0;
  const dead: string[] = [];
  const stop = new AbortController();
  const log = {
    subscribe: (options: Parameters<Log["subscribe"]>[0]) => ({
      owns: (batch: RecordBatch) => !disown.includes(batch.records[0]?.offset ?? -1),
      commit() {},
      async *[Symbol.asyncIterator]() {
        const batches = rounds[subscriptions] ?? [];
        subscriptions += 1;
        await options.startAt([TOPIC]);
        yield* batches;
        if (subscriptions >= rounds.length) setTimeout(() => stop.abort(), 20);
        await new Promise<void>((resolve) => {
          if (options.signal.aborted) resolve();
          options.signal.addEventListener("abort", () => resolve());
        });
      },
      async [Symbol.asyncDispose]() {},
    }),
  } as unknown as Log;
  const tx = {
    positions: {
      async advance(_group: string, _partition: unknown, _from: unknown, to: GroupPosition) {
        position = to;
      },
    },
    deadLetters: { put: async (records: { error: string }[]) => void dead.push(...records.map(({ error }) => error)) },
  } as unknown as StoreTx;
  const store = {
    positions: { load: async () => new Map(position ? [["events.raw:0", position]] : []) },
    forwarding: { knownIdentity: async () => null },
    transaction: <T>(work: (tx: StoreTx) => Promise<T>) => work(tx),
  } as unknown as Store;
  const applied: number[] = [];
  /** How many records each transaction had. */
  const sizes: number[] = [];
  const run = (handle: (offset: number) => void = () => {}, more: Partial<RecordHandler> = {}) => {
    const handler: RecordHandler = {
      stage: "test",
      group: "g",
      topics: ["events.raw"],
      maxBatch: 10,
      async handle({ records }) {
        for (const { offset } of records) handle(offset);
        applied.push(...records.map(({ offset }) => offset));
        sizes.push(records.length);
        return { watermark: null };
      },
      ...more,
    };
    const telemetry = noTelemetry;
    return consume(handler, {
      log,
      store,
      logger: silentLogger,
      telemetry,
      signal: stop.signal,
      clock: noWait,
      random: () => 0,
    });
  };
  return { run, applied, sizes, dead, subscriptions: () => subscriptions, position: () => position };
}

test("given records delivered twice, when consumed, then each is handled once and in order", async () => {
  const world = aWorld([[batchOf(1, 0, 1), batchOf(1, 1, 2), batchOf(1, 3)]]);
  await world.run();
  expect(world.applied).toEqual([0, 1, 2, 3]);
});

test("given a batch that is not ours any more, when a later one comes, then reading starts again at the position", async () => {
  const world = aWorld([[batchOf(1, 0), batchOf(1, 1), batchOf(1, 2)], [batchOf(2, 1, 2)]], { disown: [1] });
  await world.run();
  expect(world.applied).toEqual([0]);
  expect(world.subscriptions()).toBe(2);
});

test("given a batch that waits for room, when its partition goes to another member meanwhile, then it is left to that one", async () => {
  const disown: number[] = [];
  const world = aWorld([[batchOf(1, 0, 1)]], { disown });
  await world.run(() => {}, {
    async room() {
      disown.push(0);
      return 10;
    },
  });
  expect(world.applied).toEqual([]);
});

test("given a stretch that is gone from the log, when it is missing twice, then the rest is handled", async () => {
  const world = aWorld([[batchOf(1, 0), batchOf(1, 5)], [batchOf(2, 5, 6)]]);
  await world.run();
  expect(world.applied).toEqual([0, 5, 6]);
});

test("given a record that cannot be handled, when its batch fails, then only it is set aside", async () => {
  const world = aWorld([[batchOf(1, 0, 1, 2, 3, 4)]]);
  await world.run((offset) => {
    if (offset === 3) throw new Error("poison");
  });
  expect(world.applied).toEqual([0, 1, 2, 4]);
  expect(world.dead).toEqual(["poison"]);
  expect(world.position()?.lastOffset).toBe(4);
});

test("given Postgres away for a while, when a batch fails for it, then it is tried again and nothing is set aside", async () => {
  let failures = 0;
  const world = aWorld([[batchOf(1, 0, 1)]]);
  await world.run(() => {
    failures += 1;
    if (failures < 4) throw new EnvironmentError("away");
  });
  expect(world.applied).toEqual([0, 1]);
  expect(world.dead).toEqual([]);
});

test("given records that are large when handled, when they come at once, then each transaction takes a few, in order", async () => {
  const offsets = Array.from({ length: 200 }, (_, offset) => offset);
  const world = aWorld([[batchOf(1, ...offsets)]]);
  await world.run(undefined, { bytesOf: ({ offset }) => (offset === 7 ? 50_000_000 : 1_000_000) });
  expect(world.applied).toEqual(offsets);
  expect(Math.max(...world.sizes)).toBe(4);
  expect(world.position()?.lastOffset).toBe(199);
});
