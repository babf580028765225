/** Each round that is given up leaves one letter in the dead-letter topic, whatever happens while it is sent. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { EnvironmentError } from "../../src/engine/errors.ts";
import type { Log } from "../../src/engine/log.ts";
import { silentLogger } from "../../src/engine/logger.ts";
import { noTelemetry } from "../../src/engine/telemetry.ts";
import { DEAD_LETTER_TOPIC } from "../../src/engine/topics.ts";
import { createDispatcher } from "../../src/pipeline/dispatcher.ts";
import { sentLetters } from "../../src/pipeline/sent-letters.ts";
import { ensureTopics } from "../../src/pipeline/topics.ts";
import { lettersInTopic } from "../checker/letters.ts";
import { flowAnew } from "../support/start-over.ts";
import { createTestApp, type TestApp } from "../support/test-app.ts";

const TEST_MS = 60_000;
const lease = { name: "dispatcher", holder: "me" };

let world: TestApp;
beforeAll(async () => {
  world = await createTestApp({ STREAM_TRANSPORT: "embedded", KAFKA_BROKERS: "" });
  const { db, log, store, registry } = world.app;
  const identity = await log.identity(registry.topics.map(({ name }) => name));
  await store.forwarding.noteIdentity({ ...identity, flowFrom: new Map() });
  await db`
    insert into lifestream.work (id, work_type, subject, subject_id, correlation_id, triggered_by_event_id, status, round, finished_at)
    select gen_random_uuid(), 'fetch_link', 'link', 'link:' || n, gen_random_uuid(), gen_random_uuid(),
      case when n = 1 then 'discarded' else 'dead' end, case when n = 2 then 2 else 1 end, now()
    from generate_series(1, 5) as n`;
}, TEST_MS);
afterAll(() => world[Symbol.asyncDispose](), TEST_MS);

/** One that is new to everything, and sends until nothing is left. */
async function dispatch(log?: Log): Promise<void> {
  const app = (await world.logins()).app("router");
  const { store, clock } = app;
  await store.leases.acquire(lease, 60_000);
  const offerTooNew = async () => 0;
  const dispatcher = createDispatcher({
    log: log ?? app.log,
    schedule: store.schedule,
    forwarding: store.forwarding,
    topics: [],
    logger: silentLogger,
    telemetry: noTelemetry,
    offerTooNew,
    clock,
  });
  while ((await store.schedule.deadUnsent(1)).length > 0) await dispatcher.step(lease, AbortSignal.timeout(30_000));
}

const letters = () => lettersInTopic(world.app);
const rounds = async () =>
  (await world.app.db<{ one: string }[]>`select id || '/' || round as one from lifestream.work order by 1`).map(
    ({ one }) => one,
  );

/** Lets the whole ledger flow again, into the topics as they are. */
async function startOver(): Promise<void> {
  const relay = (await world.logins()).app("relay");
  const { log, registry } = relay;
  const identity = await log.identity(registry.topics.map(({ name }) => name));
  await flowAnew(relay, { ...identity, flowFrom: new Map() });
}

test(
  "given an answer that was lost amid sending, when another dispatcher goes on, then no letter is there twice",
  async () => {
    const { log } = (await world.logins()).app("router");
    const losing: Log = {
      ...log,
      append: async (topic, records) => {
        await log.append(topic, records.slice(0, 3));
        throw new EnvironmentError("no answer");
      },
    };
    await expect(dispatch(losing)).rejects.toThrow("no answer");
    expect(await letters()).toHaveLength(3);
    await dispatch();
    expect(await letters()).toEqual(await rounds());
  },
  TEST_MS,
);

test(
  "given letters that their topic has, when the ledger flows again, then they are not sent again",
  async () => {
    await startOver();
    await dispatch();
    expect(await letters()).toEqual(await rounds());
  },
  TEST_MS,
);

test(
  "given a dead-letter topic made anew, when the ledger has not flowed again, then nothing is sent; after it each letter once",
  async () => {
    const { log, db, registry } = world.app;
    await log.deleteTopics([DEAD_LETTER_TOPIC]);
    await ensureTopics(log, registry.topics);
    await db`update lifestream.work set dead_letter_sent_at = null where subject_id = 'link:4'`;
    await expect(dispatch()).rejects.toThrow("waiting until the relay has sent the ledger again");
    expect(await letters()).toEqual([]);
    await startOver();
    await dispatch();
    expect(await letters()).toEqual(await rounds());
  },
  TEST_MS,
);

test(
  "given a tail that is lost between the look at it and the sending, when that is done again, then each letter is there once",
  async () => {
    const { log, db, registry } = world.app;
    await log.deleteTopics([DEAD_LETTER_TOPIC]);
    await ensureTopics(log, registry.topics);
    await startOver();
    await db`update lifestream.work set dead_letter_sent_at = now() where subject_id <> 'link:1'`;
    await dispatch();
    expect(await letters()).toHaveLength(1);
    await db`update lifestream.work set dead_letter_sent_at = null where subject_id <> 'link:1'`;
    const forgetful: Log = {
      ...log,
      append: async (topic, records) => {
        await db`
          with emptied as (
            update lifestream.log_partitions p set next_offset = 0 from lifestream.log_topics t
            where t.id = p.topic_id and t.name = ${topic} returning p.id)
          delete from lifestream.log_records r using emptied where r.partition_id = emptied.id`;
        return log.append(topic, records);
      },
    };
    await expect(dispatch(forgetful)).rejects.toThrow("has lost its tail");
    await dispatch();
    expect(await letters()).toEqual(await rounds());
  },
  TEST_MS,
);

test(
  "given a tail that is lost while letters are read back, when it does not come, then reading ends in time",
  async () => {
    const { log } = world.app;
    const ended: Log = {
      ...log,
      endOffsets: async (topics) =>
        new Map([...(await log.endOffsets(topics))].map(([key, end]) => [key, end + 1] as const)),
    };
    const reading = sentLetters(ended, new Map(), AbortSignal.timeout(500));
    await expect(reading).rejects.toThrow("could not be read to the end that it had");
  },
  TEST_MS,
);
