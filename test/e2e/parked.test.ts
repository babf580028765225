import { afterAll, beforeAll, expect, test } from "bun:test";
import { linkAddedEvent } from "../../src/domains/links/index.ts";
import type { NewEvent, StoredEvent } from "../../src/engine/event.ts";
import { ingest } from "../../src/pipeline/ingest.ts";
import { applyProjection } from "../../src/pipeline/materializer.ts";
import { createTestApp, type TestApp, until } from "../support/test-app.ts";

let world: TestApp;

beforeAll(async () => {
  world = await createTestApp();
}, 60_000);
afterAll(() => world[Symbol.asyncDispose](), 60_000);

/** Partitions are materialized side by side: a note and its link may be in two transactions at once. */
test("given a note parked in one partition while its link comes in another, when both commit, then it is kept", async () => {
  const link = linkAddedEvent({ url: "http://example.com/parked", source: "test" });
  const id = crypto.randomUUID();
  const payload = { annotation_id: id, link_subject_id: link.subjectId, note: "kept" };
  const note = { type: "annotation.added", subject: "annotation", subjectId: `anno:${id}`, payload };
  const [stored, storedLink] = await store(note, link);

  const parked = Promise.withResolvers<void>();
  const commit = Promise.withResolvers<void>();
  const noteFirst = apply([stored], async () => {
    parked.resolve();
    await commit.promise;
  });
  await parked.promise;
  let linkDone = false;
  const linkNext = apply([storedLink], async () => {}).then(() => {
    linkDone = true;
  });
  await until(async () => linkDone || (await somebodyWaits()), 10_000);
  commit.resolve();
  await Promise.all([noteFirst, linkNext]);

  expect(await world.app.db`select note from lifestream.annotations`).toEqual([{ note: "kept" }] as never);
  expect(await world.app.db`select event_id from lifestream.parked_events`).toEqual([] as never);
}, 30_000);

async function store(...events: NewEvent[]): Promise<[StoredEvent, StoredEvent]> {
  const { store, registry } = world.app;
  const added = await ingest(events, { store, registry, now: () => new Date() });
  const rows = await store.ledger.find(added.map((event) => event.id));
  return added.map((event) => rows.find((row) => row.id === event.id)) as [StoredEvent, StoredEvent];
}

/** Every projection in one transaction, as the materializer does it. */
async function apply(events: readonly StoredEvent[], beforeCommit: () => Promise<void>): Promise<void> {
  const { store, registry } = (await world.logins()).app("materializer");
  await store.transaction(async (tx) => {
    for (const projection of registry.projections) await applyProjection(projection, events, tx);
    await beforeCommit();
  });
}

async function somebodyWaits(): Promise<boolean> {
  const [row] = await world.app.db`
    select 1 from pg_locks where not granted and database = (select oid from pg_database where datname = current_database())`;
  return row !== undefined;
}
