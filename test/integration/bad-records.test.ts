import { afterAll, beforeAll, expect, test } from "bun:test";
import { ingest } from "../../src/pipeline/ingest.ts";
import { eventRecord as event, json, produceRaw, type RawRecord } from "../support/raw-records.ts";
import { createTestApp, type TestApp } from "../support/test-app.ts";

let world: TestApp;

beforeAll(async () => {
  world = await createTestApp();
}, 60_000);
afterAll(() => world[Symbol.asyncDispose](), 60_000);

test("given bad records on every topic, when all stages run, then each is kept with its bytes and what is behind it goes on", async () => {
  const { app } = world;
  const bad: [string, RawRecord][] = [
    ["invalid_json", { topic: "events.raw", key: "a", value: Buffer.from("{half") }],
    ["wrong_encoding", { topic: "events.raw", key: "b", value: Buffer.from([0xff, 0x00]) }],
    ["missing_key", { topic: "events.raw", value: event({}) }],
    ["empty_value", { topic: "events.raw", key: "c", value: Buffer.alloc(0) }],
    ["wrong_shape", { topic: "events.raw", key: "d", value: event({ payload: { celsius: "warm" } }) }],
    ["unknown_event_type", { topic: "events.raw", key: "e", value: event({ event_type: "moon.landed" }) }],
    ["invalid_json", { topic: "work.fetch_link", key: "f", value: Buffer.from("not json") }],
    ["wrong_shape", { topic: "work.enrich_link", key: "g", value: json({ subject_id: "link:x" }) }],
    ["missing_key", { topic: "work.publish_link", value: json({}) }],
  ];
  await produceRaw(
    world,
    bad.map(([, record]) => record),
  );
  await produceRaw(world, [{ topic: "events.raw", key: "sensor:x", value: event({}) }]);
  const [captured] = await ingest(
    [{ type: "todo.created", subject: "todo", subjectId: "t:1", payload: { title: "behind" } }],
    { store: app.store, registry: app.registry, now: () => new Date() },
  );
  expect(captured?.isNew).toBe(true);
  const allThere = async () => {
    const [count] = await app.db<{ n: number }[]>`
      select count(*) as n from (select distinct topic, error_class, record_value from lifestream.dead_letters) d`;
    const [row] = await app.db`select 1 from lifestream.todos where subject_id = 't:1'`;
    const [reading] = await app.db`select 1 from lifestream.temperature_readings where subject_id = 'sensor:x'`;
    return count?.n === bad.length && row !== undefined && reading !== undefined;
  };
  await world.runUntil(world.stages(), allThere);
  // The test's own producer may repeat a record: without bytes, that is one more row.
  const kept = await app.db<{ topic: string; error_class: string; record_value: Buffer }[]>`
    select topic, error_class, record_value from lifestream.dead_letters
    group by topic, error_class, record_value order by topic, min(kafka_offset)`;
  const expected = bad
    .map(([error_class, { topic, value }]) => ({ topic, error_class, record_value: value.toString("hex") }))
    .sort((a, b) => a.topic.localeCompare(b.topic));
  expect(kept.map((row) => ({ ...row, record_value: Buffer.from(row.record_value).toString("hex") }))).toEqual(
    expected,
  );
}, 60_000);

test("given an event that Postgres refuses among good ones, when materialized, then only it is set aside", async () => {
  const { app } = world;
  const link = (id: string, url: string) => ({
    type: "link.added",
    subject: "link",
    subjectId: id,
    payload: { url, url_norm: url },
  });
  const events = [
    link("link:1", "https://a.example/"),
    link("link:2", "https://a.example/"),
    link("link:3", "https://b.example/"),
  ];
  await ingest(events, { store: app.store, registry: app.registry, now: () => new Date() });
  await world.runUntil(world.stages(), async () => {
    const rows = await app.db`select 1 from lifestream.dead_letters where error_class = 'sql_23505'`;
    const links = await app.db`select 1 from lifestream.links where subject_id in ('link:1', 'link:2', 'link:3')`;
    return rows.length === 1 && links.length === 2;
  });
}, 60_000);

test("given addresses and work that no message can carry, when all stages run, then these are set aside and the rest is done", async () => {
  const { app } = world;
  const huge = `https://a.example/#${"x".repeat(1_200_000)}`;
  await app.db`
    insert into lifestream.events (occurred_at, source, subject, subject_id, event_type, payload)
    values (now(), 'test', 'link', 'link:huge', 'link.added', ${app.db.json({ url: huge, url_norm: "https://a.example/" })})`;
  await app.db`
    insert into lifestream.work (id, work_type, subject, subject_id, correlation_id, triggered_by_event_id, payload)
    values (gen_random_uuid(), 'fetch_link', 'link', 'link:huge', gen_random_uuid(), gen_random_uuid(), ${app.db.json({ url: huge })})`;
  await world.runUntil(world.stages(), async () => {
    const [work] = await app.db<{ n: number }[]>`
      select count(*) as n from lifestream.work where status = 'dead' and error_class = 'too_large' and dead_letter_sent_at is not null`;
    const [record] = await app.db<{ n: number }[]>`
      select count(*) as n from lifestream.dead_letters where error like '%link.added%' and error_class = 'wrong_shape'`;
    return work?.n === 1 && record?.n === 1;
  });
  const [links] = await app.db`select count(*) as n from lifestream.links where subject_id = 'link:huge'`;
  expect(links?.n).toBe(0);
}, 60_000);
