/** What wakes a loop before its poll would, and that polls alone are enough. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { connect, type Database } from "../../src/adapters/postgres/connect.ts";
import { createWake, wakeDispatcher } from "../../src/adapters/postgres/wake.ts";
import { type App, openApp } from "../../src/app.ts";
import { silentLogger } from "../../src/engine/logger.ts";
import type { Sql, WakeChannel } from "../../src/engine/store.ts";
import { materializerStages, relayStage } from "../../src/stages.ts";
import { createTestApp, type TestApp, until } from "../support/test-app.ts";

const TEST_MS = 60_000;

let world: TestApp;
/** Somebody else's connection. */
let other: Database;

beforeAll(async () => {
  world = await createTestApp({ STREAM_TRANSPORT: "embedded", KAFKA_BROKERS: "" });
  other = connect({ url: world.app.databaseUrl, name: "other", maxConnections: 1 });
}, TEST_MS);

afterAll(async () => {
  await other.end();
  await world[Symbol.asyncDispose]();
}, TEST_MS);

test.each([
  ["events", (tx) => addTodo("wake:1", tx)],
  ["work", wakeDispatcher],
  ["catalog", (tx) => tx`select pg_notify('lifestream_catalog', '')`],
] satisfies [WakeChannel, (tx: Sql) => Promise<unknown>][])(
  "given who listens for %s, when another connection commits some, then it rings, and not before",
  async (channel, happens) => {
    using listener = await listenTo(channel);
    await other.begin(async (tx) => {
      await happens(tx);
      await roundTrip();
      expect(listener.rings()).toBe(0);
    });
    // It polls nothing: no ring would ever come by itself.
    await until(async () => listener.rings() === 1);
  },
);

test("given who listens, when its connection is cut, then it rings once it listens again, for what it may have missed", async () => {
  using listener = await listenTo("events");
  await other`
    select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and application_name = 'stream-agents wake events'`;
  await until(async () => listener.rings() === 1);
  await addTodo("wake:2");
  await until(async () => listener.rings() === 2);
});

test("given who listened, when it is told to stop, then its connection ends", async () => {
  const listener = await listenTo("events");
  // Those of the tests before are just ending.
  await until(async () => (await listening()) === 1);
  listener[Symbol.dispose]();
  await until(async () => (await listening()) === 0);
});

test(
  "given an address that says it is a pooler's, when events are captured, then polls alone bring them into their table",
  async () => {
    // Two programs, as nobody in another process can be rung by hand.
    await using relaying = await openPolling("relaying");
    await using reading = await openPolling("reading");
    const stages = [relayStage(relaying, { once: false }), ...materializerStages(reading, { once: false })];
    // The second comes when all loops have come to rest.
    const todos = ["polled:1", "polled:2"];
    await world.runUntil(stages, async () => {
      for (const id of todos) {
        await addTodo(id);
        await until(async () => (await other`select from lifestream.todos where subject_id = ${id}`).length === 1);
      }
      expect(await listening()).toBe(0);
      return true;
    });
  },
  TEST_MS,
);

/** Listens, and counts the rings from when it does: that itself rings once. */
async function listenTo(channel: WakeChannel): Promise<Disposable & { rings(): number }> {
  const stop = new AbortController();
  let rings = 0;
  await createWake(world.app.databaseUrl).listen(channel, () => rings++, stop.signal);
  await until(async () => rings === 1);
  return { rings: () => rings - 1, [Symbol.dispose]: () => stop.abort() };
}

/** How many connections to this database listen. */
async function listening(): Promise<number> {
  const rows = await world.app.db`
    select from pg_stat_activity where datname = current_database() and query ilike 'listen %'`;
  return rows.length;
}

/** As long as a notification needs: one that goes through the same server and is waited for. */
async function roundTrip(): Promise<void> {
  const heard = Promise.withResolvers<void>();
  const { unlisten } = await world.app.db.listen("round_trip", () => heard.resolve());
  await world.app.db.notify("round_trip", "");
  await heard.promise;
  await unlisten();
}

async function addTodo(id: string, tx: Sql | Database = other): Promise<void> {
  await tx`
    insert into lifestream.events (occurred_at, source, subject, subject_id, event_type, payload)
    values (now(), 'test', 'todo', ${id}, 'todo.created', '{"title": "a todo"}')`;
}

/** The same life, through an address that rules LISTEN out; no pooler is there. */
function openPolling(name: string): Promise<App> {
  const { config, databaseUrl } = world.app;
  const url = new URL(databaseUrl);
  url.searchParams.set("pgbouncer", "true");
  return openApp({ config, databaseUrl: url.href, kafkaBrokers: [], logger: silentLogger, name, withAgents: false });
}
