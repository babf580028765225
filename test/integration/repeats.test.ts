import { afterAll, beforeAll, expect, test } from "bun:test";
import { ingest } from "../../src/pipeline/ingest.ts";
import { stateDigest } from "../support/digest.ts";
import { isApplied } from "../support/settled.ts";
import { createTestApp, type TestApp } from "../support/test-app.ts";

let world: TestApp;

beforeAll(async () => {
  world = await createTestApp();
}, 60_000);
afterAll(() => world[Symbol.asyncDispose](), 60_000);

const todo = (id: string, title: string) => ({
  type: "todo.created",
  subject: "todo",
  subjectId: id,
  payload: { title },
});

async function capture(...todos: ReturnType<typeof todo>[]): Promise<string[]> {
  const { store, registry } = world.app;
  return (await ingest(todos, { store, registry, now: () => new Date() })).map((added) => added.id);
}

const run = () =>
  world.runUntil(world.some("relay", "materializer", "catalog"), () => isApplied(world.app, ["materializer-v1"]));

const titles = async () =>
  Object.fromEntries(
    (await world.app.db<{ subject_id: string; title: string }[]>`select subject_id, title from lifestream.todos`).map(
      (row) => [row.subject_id, row.title],
    ),
  );

/** The record of a row of some ledger, as a relay would send it. */
const foreign = (id: string, subjectId: string, title: string, position: number) => ({
  key: subjectId,
  value: JSON.stringify({
    id,
    occurred_at: "2026-01-01T00:00:00.000Z",
    source: "other",
    subject: "todo",
    subject_id: subjectId,
    event_type: "todo.created",
    schema_version: 1,
    payload: { title },
    position,
  }),
  headers: { event_type: "todo.created", source: "other" },
});

test("given records with high positions of another ledger, when ours follow with low ones, then none is taken for a repeat", async () => {
  const subjects = Array.from({ length: 30 }, (_, index) => `t:${index}`);
  const others = subjects.map((id) => foreign(crypto.randomUUID(), `other:${id}`, "other", 1_000_000));
  await world.app.log.append("events.raw", others);
  await capture(...subjects.map((id) => todo(id, "mine")));
  await run();
  const all = await titles();
  for (const id of subjects) expect(all[id]).toBe("mine");
}, 60_000);

test("given a restored backup whose lost future stands in the topic, when new events take its positions, then they are applied", async () => {
  const [{ last } = { last: 0 }] = await world.app.db<
    { last: number }[]
  >`select max(position) as last from lifestream.events`;
  const lost = Array.from({ length: 30 }, (_, index) =>
    foreign(crypto.randomUUID(), `t:${index}`, "lost", last + 100 + index),
  );
  await world.app.log.append("events.raw", lost);
  await capture(...Array.from({ length: 30 }, (_, index) => todo(`t:${index}`, "after the restore")));
  await run();
  const all = await titles();
  for (let index = 0; index < 30; index += 1) expect(all[`t:${index}`]).toBe("after the restore");
}, 60_000);

test("given every event of the ledger again, when materialized, then the state is the same", async () => {
  const before = await stateDigest(world.app);
  const { db, log, store } = world.app;
  await db`update lifestream.events set published_to_kafka = false`;
  await run();
  expect(await stateDigest(world.app)).toEqual(before);
  const ends = await log.endOffsets(["events.raw"]);
  expect([...ends.values()].reduce((sum, end) => sum + end, 0)).toBeGreaterThan(150);
  expect(await store.outbox.pending()).toBe(0);
}, 60_000);
