/** The ledger is append-only, for its owner too, unless he means it. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { connect } from "../../src/adapters/postgres/connect.ts";
import { isApplied } from "../support/settled.ts";
import { resetAlone } from "../support/start-over.ts";
import { createTestApp, type TestApp } from "../support/test-app.ts";

const TEST_MS = 60_000;
const TODO = "todoist:12345";
let world: TestApp;

beforeAll(async () => {
  world = await createTestApp({ STREAM_TRANSPORT: "embedded", KAFKA_BROKERS: "" });
  await world.app.db`
    insert into lifestream.events (occurred_at, source, subject, subject_id, event_type, payload)
    values (now(), 'test', 'todo', ${TODO}, 'todo.created', '{"title": "the password is 1234"}')`;
}, TEST_MS);
afterAll(() => world[Symbol.asyncDispose](), TEST_MS);

/** Columns that say where an event stands, not what happened. */
const FREE = ["kafka_offset", "kafka_partition", "kafka_topic", "position", "published_to_kafka"];

describe("given an event, when somebody with every right", () => {
  test.each([
    ["changes it", "update lifestream.events set payload = '{}'", "update"],
    [
      "changes it by an upsert",
      `insert into lifestream.events select * from lifestream.events
      on conflict (id) do update set source = 'other'`,
      "update",
    ],
    ["deletes it", "delete from lifestream.events", "delete"],
    ["empties the ledger", "truncate lifestream.events", "truncate"],
  ])("%s, then it is refused, with what to do instead", async (_, sql, operation) => {
    const refused = await world.app.db.unsafe(sql).catch((error) => error);
    expect(refused).toMatchObject({
      code: "23001",
      message: `the ledger is append-only: lifestream.events refuses this ${operation}`,
      hint: expect.stringContaining('see "Erasing something" in docs/operations.md'),
    });
  });

  test.each([
    [
      "writes it once more as it is",
      "insert into lifestream.events select * from lifestream.events on conflict (id) do update set source = excluded.source",
    ],
    [
      "notes where it was sent",
      `update lifestream.events set published_to_kafka = true, kafka_topic = 'events.raw',
      kafka_partition = 0, kafka_offset = 0, position = nextval(pg_get_serial_sequence('lifestream.events', 'position'))`,
    ],
    ["lets it flow again", "update lifestream.events set published_to_kafka = false, kafka_offset = null"],
  ])("%s, then it is done", async (_, sql) => {
    expect((await world.app.db.unsafe(sql)).count).toBe(1);
  });
});

test("every column of the ledger is either guarded or one of those that say where an event stands", async () => {
  const columns = await world.app.db<{ name: string; guarded: boolean }[]>`
    select a.attname as name, a.attnum = any(t.tgattr) as guarded from pg_attribute a
    join pg_trigger t on t.tgrelid = a.attrelid and t.tgname = 'append_only_update'
    where a.attrelid = 'lifestream.events'::regclass and a.attnum > 0 and not a.attisdropped order by 1`;
  expect(columns.filter(({ guarded }) => !guarded).map(({ name }) => name)).toEqual(FREE);
});

test(
  "given a secret in the ledger, when it is erased as the manual says and all flows again, then it is nowhere",
  async () => {
    const { app } = world;
    const flow = () =>
      world.runUntil(world.some("relay", "materializer", "catalog"), () => isApplied(app, ["materializer-v1"]));
    const title = async () => (await app.db`select title from lifestream.todos where subject_id = ${TODO}`)[0]?.title;
    await flow();
    expect(await title()).toBe("the password is 1234");

    const owner = connect({ url: app.databaseUrl, name: "test owner", maxConnections: 1 });
    await owner.unsafe(await eraseStatement());
    await owner.end();
    await resetAlone((await world.logins()).app("admin"));
    await flow();

    expect(await title()).toBe("erased");
    expect(await app.db`select 1 from lifestream.events where payload::text like '%1234%'`).toHaveLength(0);
    const again = await app.db`update lifestream.events set payload = '{}'`.catch((error) => error);
    expect(again).toMatchObject({ code: "23001" });
  },
  TEST_MS,
);

async function eraseStatement(): Promise<string> {
  const manual = await readFile(new URL("../../docs/operations.md", import.meta.url), "utf8");
  return /### Erasing something[\s\S]*?```sql\n([\s\S]*?)```/.exec(manual)?.[1] ?? "";
}
