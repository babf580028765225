import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { isApplied } from "../support/settled.ts";
import { createTestApp, type TestApp } from "../support/test-app.ts";

let world: TestApp;

beforeAll(async () => {
  world = await createTestApp();
}, 60_000);
afterAll(() => world[Symbol.asyncDispose](), 60_000);

/** As other programs write: plain SQL, the six columns. */
async function insert(subject: string, subjectId: string, type: string, payload: object, at = "2026-01-02T03:04:05Z") {
  await world.app.db`
    insert into lifestream.events (occurred_at, source, subject, subject_id, event_type, payload)
    values (${at}, 'psql', ${subject}, ${subjectId}, ${type}, ${world.app.db.json(payload as never)})`;
}

const applied = () => isApplied(world.app, ["materializer-v1"]);

const run = () => world.runUntil(world.some("relay", "materializer", "catalog"), applied);

async function row(table: string, id: string, column = "subject_id") {
  return (
    await world.app.db`select * from ${world.app.db(`lifestream.${table}`)} where ${world.app.db(column)} = ${id}`
  )[0];
}

const LINK = "link:b6c2a6931da9e0eb";
const NOTE = "5f0c1f6e-5b0a-4f0e-9c0a-0d1a2b3c4d5e";

test("given the ten event types in plain SQL, when materialized, then every table of the contract follows", async () => {
  await insert("link", LINK, "link.added", { url: "https://example.com/Path" });
  await insert("link", LINK, "content.fetched", {
    title: "A title",
    text_content: "Some text",
    final_url: "https://example.com/Path",
  });
  await insert("link", LINK, "enrichment.completed", {
    tags: ["a", "b"],
    summary_short: "s",
    summary_long: "l",
    language: "en",
    model_version: "m",
  });
  await insert("link", LINK, "publish.completed", {});
  await insert("link", LINK, "link.visibility_changed", { visibility: "public" });
  await insert("link", LINK, "work.failed", {
    work_message: { subject_id: LINK, work_type: "fetch_link", attempt: 2 },
    error: "no answer",
    agent: "fetcher",
  });
  await insert("sensor", "sensor:attic", "temp.reading_recorded", { celsius: 3.5, humidity: 80 });
  await insert("sensor", "sensor:attic", "temp.reading_recorded", { celsius: 9 }, "2025-12-31T00:00:00Z");
  await insert("todo", "todoist:1", "todo.created", { title: "Buy milk", project: "home", labels: ["x"] });
  await insert("todo", "todoist:1", "todo.completed", {});
  await insert("annotation", `anno:${NOTE}`, "annotation.added", {
    annotation_id: NOTE,
    link_subject_id: LINK,
    quote: "q",
    note: "n",
  });
  await run();

  expect(await row("links", LINK)).toMatchObject({
    url: "https://example.com/Path",
    url_norm: "https://example.com/Path",
    visibility: "public",
    status: "error",
    last_error: "no answer",
    retry_count: 2,
  });
  expect(await row("link_content", LINK)).toMatchObject({ title: "A title", text_content: "Some text" });
  expect(await row("link_metadata", LINK)).toMatchObject({ tags: ["a", "b"], summary_short: "s", model_version: "m" });
  expect(await row("publish_state", LINK)).toMatchObject({
    dirty: true,
    last_published_at: "2026-01-02T03:04:05.000Z",
  });
  expect(await row("temperature_latest", "sensor:attic")).toMatchObject({ celsius: 3.5, humidity: 80 });
  expect(await world.app.db`select * from lifestream.temperature_readings`).toHaveLength(2);
  expect(await row("todos", "todoist:1")).toMatchObject({
    title: "Buy milk",
    status: "done",
    completed_at: "2026-01-02T03:04:05.000Z",
    labels: ["x"],
  });
  expect(await row("annotations", NOTE, "annotation_id")).toMatchObject({
    link_subject_id: LINK,
    note: "n",
    visibility: "private",
  });
  const subjects = await world.app.db<{ subject: string }[]>`select subject from lifestream.subjects order by subject`;
  expect(subjects.map((subject) => subject.subject)).toEqual(["annotation", "link", "todo"]);
}, 60_000);

describe("payloads of older programs", () => {
  test("given only what is sure to be there, when materialized, then it is enough", async () => {
    await insert("link", "link:min", "link.added", { url: "https://min.example/" });
    await insert("link", "link:min", "content.fetched", { title: "Only a title" });
    await insert("link", "link:min", "enrichment.completed", { tags: ["t"], summary: "old form" });
    await insert("link", "link:min", "publish.completed", {});
    await run();
    expect(await row("links", "link:min")).toMatchObject({ status: "published", visibility: "private" });
    expect(await row("link_metadata", "link:min")).toMatchObject({ summary_short: "old form" });
  }, 60_000);
});

describe("children before their parents", () => {
  test("given content, a note and a completion that come first, when the parents come, then all is applied", async () => {
    const note = "6f0c1f6e-5b0a-4f0e-9c0a-0d1a2b3c4d5e";
    await insert("link", "link:late", "content.fetched", { title: "Early content" });
    await insert("annotation", `anno:${note}`, "annotation.added", {
      annotation_id: note,
      link_subject_id: "link:late",
      note: "early",
    });
    await insert("todo", "t:late", "todo.completed", {});
    await run();
    expect(await world.app.db`select 1 from lifestream.parked_events`).toHaveLength(3);
    await insert("link", "link:late", "link.added", { url: "https://late.example/" });
    await insert("todo", "t:late", "todo.created", { title: "late" });
    await run();
    expect(await row("links", "link:late")).toMatchObject({ status: "fetched" });
    expect(await row("annotations", note, "annotation_id")).toMatchObject({ note: "early" });
    expect(await row("todos", "t:late")).toMatchObject({ title: "late" });
    expect(await world.app.db`select 1 from lifestream.parked_events`).toHaveLength(0);
  }, 60_000);
});

describe("what the ledger refuses", () => {
  test("given a payload that is text holding JSON, when inserted, then the message says why", async () => {
    const attempt = world.app.db`
      insert into lifestream.events (occurred_at, source, subject, subject_id, event_type, payload)
      values (now(), 'psql', 'todo', 't:1', 'todo.created', to_jsonb('{"title": "x"}'::text))`;
    expect(attempt.execute()).rejects.toThrow("payload of todo.created for t:1 is a JSON string, not an object");
  });
});

describe("the record of an event", () => {
  test("given a row, when forwarded, then its record has all columns, keys and headers of the contract", async () => {
    const records = await readAll();
    const record = records.find(({ value }) => value.event_type === "link.added");
    expect(Object.keys(record?.value ?? {})).toEqual([
      ...[
        "id",
        "occurred_at",
        "received_at",
        "source",
        "subject",
        "subject_id",
        "event_type",
        "schema_version",
        "payload",
      ],
      ...[
        "correlation_id",
        "causation_id",
        "kafka_topic",
        "kafka_partition",
        "kafka_offset",
        "published_to_kafka",
        "position",
      ],
    ]);
    expect(record?.value.occurred_at).toBe("2026-01-02T03:04:05.000Z");
    expect(record?.key).toBe(String(record?.value.subject_id));
    expect(record?.headers).toEqual({ event_type: "link.added", source: "psql", generation: "1" });
  }, 30_000);
});

async function readAll() {
  const { log } = world.app;
  const stop = new AbortController();
  const ends = await log.endOffsets(["events.raw"]);
  let left = [...ends.values()].reduce((sum, end) => sum + end, 0);
  const records: { key: string; value: Record<string, unknown>; headers: Record<string, string> }[] = [];
  const options = { group: "reader", topics: ["events.raw"], maxBatch: 100, signal: stop.signal };
  for await (const batch of log.subscribe({ ...options, startAt: async () => new Map() })) {
    for (const { key, value, headers } of batch.records) {
      records.push({
        key: String(key && Buffer.from(key)),
        value: JSON.parse(Buffer.from(value ?? []).toString()),
        headers,
      });
      left -= 1;
    }
    if (left <= 0) stop.abort();
  }
  return records;
}
