import { afterAll, beforeAll, expect, test } from "bun:test";
import { keepTidy } from "../../src/adapters/embedded/cleaner.ts";
import { cleanOnce, forgetGroups } from "../../src/adapters/embedded/cleaning.ts";
import type { LogDb } from "../../src/adapters/embedded/database.ts";
import type { Database } from "../../src/adapters/postgres/connect.ts";
import type { Log } from "../../src/engine/log.ts";
import { silentLogger } from "../../src/engine/logger.ts";
import { startReader, text } from "../contract/reader.ts";
import { createTestApp, type TestApp, until } from "../support/test-app.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

let world: TestApp;
let db: Database;
let log: Log;
/** Whoever cleans has the router's rights, and no others. */
let cleaner: Database;

beforeAll(async () => {
  world = await createTestApp({ STREAM_TRANSPORT: "embedded", KAFKA_BROKERS: "" });
  ({ db, log } = world.app);
  cleaner = (await world.logins()).app("router").db;
}, 60_000);
afterAll(() => world[Symbol.asyncDispose](), 60_000);

const create = (name: string, config: Record<string, string>, partitions = 1) =>
  log.createTopics([{ name, partitions, config, purpose: "a test", replication: 1 }]);

const append = (topic: string, ...values: (readonly [key: string, value: string])[]) =>
  log.append(
    topic,
    values.map(([key, value]) => ({ key, value, headers: {} })),
  );

/** Time goes by for what is in the topic now. */
async function age(topic: string, ms: number): Promise<void> {
  await db`
    update lifestream.log_records r set appended_at = appended_at - ${ms} * interval '1 millisecond'
    from lifestream.log_partitions p join lifestream.log_topics t on t.id = p.topic_id
    where r.partition_id = p.id and t.name = ${topic}`;
}

/** Offset and value of all that is left. */
async function left(topic: string): Promise<string[]> {
  const rows = await db<{ at: number; value: Uint8Array | null }[]>`
    select r.record_offset as at, r.value from lifestream.log_records r
    join lifestream.log_partitions p on p.id = r.partition_id join lifestream.log_topics t on t.id = p.topic_id
    where t.name = ${topic} order by p.partition, r.record_offset`;
  return rows.map(({ at, value }) => `${at} ${value ? text(value) : "gone"}`);
}

async function clean(): Promise<void> {
  while ((await cleanOnce(cleaner)) > 0);
}

test("given records of different ages, when cleaned, then those over the retention are gone, and only those", async () => {
  await create("kept for a day", { "cleanup.policy": "delete", "retention.ms": String(DAY_MS) });
  await append("kept for a day", ["a", "1"], ["b", "2"]);
  await age("kept for a day", 2 * DAY_MS);
  await append("kept for a day", ["a", "3"]);
  await age("kept for a day", HOUR_MS);
  await append("kept for a day", ["a", "4"]);
  await clean();
  expect(await left("kept for a day")).toEqual(["2 3", "3 4"]);
  expect(await log.endOffsets(["kept for a day"])).toEqual(new Map([["kept for a day:0", 4]]));
  const reader = startReader(log, { group: "late", topics: ["kept for a day"] });
  await until(async () => reader.records.length === 2);
  await reader.stop();
  expect(reader.values()).toEqual(["3", "4"]);
});

test("given an older record behind a younger one, when cleaned, then nothing is taken out of the middle", async () => {
  await create("clock went back", { "retention.ms": String(DAY_MS) });
  await append("clock went back", ["a", "young"]);
  await append("clock went back", ["a", "old"]);
  await db`
    update lifestream.log_records set appended_at = now() - interval '9 days' where value = ${Buffer.from("old")}`;
  await clean();
  expect(await left("clock went back")).toEqual(["0 young", "1 old"]);
});

test("given a topic that keeps everything, when cleaned, then everything stays", async () => {
  await create("for ever", { "cleanup.policy": "delete", "retention.ms": "-1" });
  await append("for ever", ["a", "1"]);
  await age("for ever", 900 * DAY_MS);
  await clean();
  expect(await left("for ever")).toEqual(["0 1"]);
});

test("given more than one step clears away, when cleaned, then each statement stays small and all of it goes", async () => {
  await create("long", { "retention.ms": String(DAY_MS) }, 2);
  const many = Array.from({ length: 9_000 }, (_, n) => [`key ${n}`, "x"] as const);
  await append("long", ...many);
  await age("long", 2 * DAY_MS);
  const steps: number[] = [];
  for (let gone = 1; gone > 0; steps.push(gone)) gone = await cleanOnce(cleaner);
  expect(Math.max(...steps)).toBeLessThanOrEqual(2 * 2_000);
  expect(steps.reduce((sum, gone) => sum + gone, 0)).toBe(9_000);
  expect(await left("long")).toEqual([]);
});

test("given a compacted topic, when cleaned, then the last of each key stays, and what is younger than the lag", async () => {
  await create("vocabulary", { "cleanup.policy": "compact", "max.compaction.lag.ms": String(HOUR_MS) });
  await append("vocabulary", ["a", "a1"], ["b", "b1"], ["a", "a2"]);
  await append("vocabulary", ["c", "c1"], ["b", "b2"]);
  await age("vocabulary", 2 * HOUR_MS);
  await append("vocabulary", ["a", "a3"], ["c", "c2"]);
  await clean();
  expect(await left("vocabulary")).toEqual(["2 a2", "3 c1", "4 b2", "5 a3", "6 c2"]);
  await age("vocabulary", 2 * HOUR_MS);
  await clean();
  expect(await left("vocabulary")).toEqual(["4 b2", "5 a3", "6 c2"]);
  expect(await log.endOffsets(["vocabulary"])).toEqual(new Map([["vocabulary:0", 7]]));
});

test("given a tombstone in a compacted topic, when its time is over, then the key is gone altogether", async () => {
  await create("tombstones", { "cleanup.policy": "compact", "max.compaction.lag.ms": String(HOUR_MS) });
  await append("tombstones", ["a", "a1"], ["a", "a2"], ["b", "b1"]);
  await db`update lifestream.log_records set value = null where value = ${Buffer.from("a2")}`;
  await age("tombstones", 2 * HOUR_MS);
  await clean();
  expect(await left("tombstones")).toEqual(["1 gone", "2 b1"]);
  await age("tombstones", 2 * DAY_MS);
  await clean();
  expect(await left("tombstones")).toEqual(["2 b1"]);
});

test("given a deleted topic, when cleaned, then its records and its partitions are gone", async () => {
  await create("deleted", {}, 3);
  await append("deleted", ["a", "1"], ["b", "2"], ["c", "3"]);
  await log.deleteTopics(["deleted"]);
  await clean();
  await clean();
  const [orphans] = await db`
    select count(*)::int as n from lifestream.log_partitions where topic_id is null`;
  expect(orphans?.n).toBe(0);
  const [records] = await db`
    select count(*)::int as n from lifestream.log_records r
    where not exists (select 1 from lifestream.log_partitions p where p.id = r.partition_id)`;
  expect(records?.n).toBe(0);
});

test("given groups that come and go, when their time is over, then nothing of them is left", async () => {
  await create("read once", {});
  await append("read once", ["a", "1"]);
  const reader = startReader(log, { group: "came and went", topics: ["read once"] });
  await until(async () => reader.records.length === 1);
  await forgetGroups(cleaner);
  await reader.stop();
  await forgetGroups(cleaner);
  const kept = () => db`select 1 from lifestream.log_shares where group_name = 'came and went'`;
  expect(await kept()).toHaveLength(1);
  await db`update lifestream.log_groups set used_at = now() - interval '8 days'`;
  await forgetGroups(cleaner);
  expect(await kept()).toHaveLength(0);
  expect(await db`select 1 from lifestream.log_members`).toHaveLength(0);
});

test("given stages that tidy under their roles, then agents leave it to the router, and nobody complains", async () => {
  await create("under roles", { "retention.ms": String(DAY_MS) });
  await append("under roles", ["a", "1"]);
  await age("under roles", 2 * DAY_MS);
  const lines: string[] = [];
  const logger = { ...silentLogger, warn: (line: string) => void lines.push(line) };
  /** Tidies until `done`, which is told how often Postgres was asked. */
  const tidyAs = async (role: string, done: (asked: number) => Promise<boolean>) => {
    const stop = new AbortController();
    const { db: own } = (await world.logins()).app(role);
    let asked = 0;
    const counted = new Proxy(own, {
      apply(query, self, given) {
        asked += 1;
        return Reflect.apply(query, self, given);
      },
    });
    const tidying = keepTidy(counted as LogDb, logger, stop.signal, 1);
    await until(() => done(asked)).finally(() => stop.abort());
    await tidying;
  };
  await tidyAs("fetcher", async (asked) => asked >= 3);
  expect(await left("under roles")).toEqual(["0 1"]);
  await tidyAs("router", async () => (await left("under roles")).length === 0);
  expect(lines).toEqual([]);
});

test("given thousands of appends and commits, then the tables that count them stay as small as they are", async () => {
  await create("counted", {}, 3);
  const reader = startReader(log, { group: "counted", topics: ["counted"] });
  const sizes: number[] = [];
  for (let n = 1; n <= 1_500; n += 1) {
    await append("counted", [`key ${n}`, String(n)]);
    reader.subscription.commit({ topic: "counted", partition: n % 3 }, n);
    if (n % 500 === 0) sizes.push(await bookkeeping());
  }
  await until(async () => reader.records.length === 1_500);
  await reader.stop();
  expect(Math.max(...sizes)).toBeLessThan(1_000_000);
  // What grew with the commits would be three times as big.
  expect(sizes.at(-1)).toBeLessThan((sizes[0] ?? 0) * 2);
}, 60_000);

/** Bytes of everything that is not a record. */
async function bookkeeping(): Promise<number> {
  const [row] = await db<{ bytes: number }[]>`
    select sum(pg_total_relation_size(oid))::bigint as bytes from pg_class
    where relnamespace = 'lifestream'::regnamespace and relkind = 'r' and relname like 'log\\_%'
      and relname not in ('log_records', 'log_identity')`;
  return row?.bytes ?? 0;
}
