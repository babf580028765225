/** State must not depend on which events came in one batch: a rebuild folds thousands at once, a stage a few. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { StoredEvent } from "../../src/engine/event.ts";
import { ingest } from "../../src/pipeline/ingest.ts";
import { applyProjection } from "../../src/pipeline/materializer.ts";
import { seededRandom, testSeed } from "../support/random.ts";
import { createTestApp, type TestApp } from "../support/test-app.ts";

const ROUNDS = 8;
const EVENTS = 60;
/** Links and todos begin among so many of them. */
const EARLY = 30;
const TEST_MS = 60_000;
const HOUR_MS = 3_600_000;

let world: TestApp;
beforeAll(async () => {
  world = await createTestApp();
}, TEST_MS);
afterAll(() => world[Symbol.asyncDispose](), TEST_MS);

const ROLLED_BACK = new Error("only tried");

/** All state tables after these batches, in a transaction that is taken back. */
async function stateAfter(batches: readonly (readonly StoredEvent[])[]): Promise<Record<string, unknown>> {
  const { projections } = world.app.registry;
  const state: Record<string, unknown> = {};
  await world.app.store
    .transaction(async (tx) => {
      for (const batch of batches) for (const projection of projections) await applyProjection(projection, batch, tx);
      for (const table of ["subjects", ...projections.flatMap(({ tables }) => tables)])
        state[table] = await tx.sql`select to_jsonb(t) as row from ${tx.sql(`lifestream.${table}`)} t order by 1`;
      throw ROLLED_BACK;
    })
    .catch((error) => {
      if (error !== ROLLED_BACK) throw error;
    });
  return state;
}

/** Events of a few subjects, some of them before the subject is there, whose times are not that of the ledger. */
function someEvents(random: () => number): StoredEvent[] {
  const below = (limit: number) => Math.floor(random() * limit);
  // Where links and todos begin.
  const begins = Array.from({ length: EARLY }, (_, index) => ({ index, at: random() }))
    .sort((a, b) => a.at - b.at)
    .slice(0, 6)
    .map(({ index }) => index);
  const time = () => new Date(Date.UTC(2026, 0, 1) + below(100) * HOUR_MS).toISOString();
  return Array.from({ length: EVENTS }, (_, index) => {
    const position = index + 1;
    const begun = begins.indexOf(index);
    const nth = begun >= 0 ? begun % 3 : below(3);
    const link = `link:${nth}`;
    const maybe = <T>(value: T) => (random() < 0.4 ? value : null);
    const work = (type: string) => ({ work_type: type, attempt: 1 + below(3), subject_id: link });
    const failure = () => work(["fetch_link", "enrich_link", "publish_link"][below(3)] ?? "");
    const [type, subject, subjectId, payload] = (
      [
        ["link.added", "link", link, { url: `https://a.example/${link}`, visibility: maybe("public") }],
        ["content.fetched", "link", link, { title: `t${position}`, fetch_error: maybe("gone") }],
        ["enrichment.completed", "link", link, { tags: [`tag-${below(4)}`], summary_short: `s${position}` }],
        ["publish.completed", "link", link, { version: maybe(below(EVENTS)), published_at: maybe(time()) }],
        ["link.visibility_changed", "link", link, { visibility: random() < 0.5 ? "public" : "private" }],
        ["link.cleaned", "link", link, { scope: random() < 0.5 ? "content" : "metadata" }],
        ["work.failed", "link", link, { work_message: failure(), error: `e${position}` }],
        ["todo.created", "todo", `todo:${nth}`, { title: `todo ${position}` }],
        ["todo.completed", "todo", `todo:${nth}`, {}],
        ["temp.reading_recorded", "sensor", `sensor:${below(2)}`, { celsius: below(30) }],
      ] as const
    )[begun < 0 ? below(10) : begun < 3 ? 0 : 7] as [string, string, string, Record<string, unknown>];
    const id = `00000000-0000-4000-8000-${String(position).padStart(12, "0")}`;
    const at = time();
    const common = { source: "test", schemaVersion: 1, correlationId: null, causationId: null, receivedAt: at };
    return { id, type, subject, subjectId, payload, position, occurredAt: at, ...common } as unknown as StoredEvent;
  });
}

test(
  "given a completion before its todo, when its record is read after the todo's, then the todo is done, but for one begun anew",
  async () => {
    const { store, registry, db } = world.app;
    const event = (type: string, n: number) => {
      const payload = type === "todo.created" ? { title: `todo ${n}` } : {};
      return { type, subject: "todo", subjectId: `late:${n}`, payload };
    };
    const inLedger = [
      event("todo.completed", 1),
      event("todo.completed", 2),
      event("todo.created", 1),
      event("todo.created", 2),
      event("todo.created", 2),
      event("todo.created", 3),
      event("todo.completed", 3),
      event("todo.created", 3),
    ];
    await ingest(inLedger, { store, registry, now: () => new Date() });
    const events = await Promise.all([1, 2, 3].map((n) => store.ledger.ofSubject(`late:${n}`)));
    const ofType = (type: string) => events.flat().filter((one) => one.type === type);
    const projection = registry.projections.find(({ name }) => name === "todos");
    if (!projection) throw new Error("todos are not projected");
    for (const batch of [ofType("todo.created"), ofType("todo.completed"), ofType("todo.created")])
      await store.transaction((tx) => applyProjection(projection, batch, tx));
    expect(
      await db`select subject_id as id, status from lifestream.todos where subject_id like 'late:%' order by 1`,
    ).toEqual([
      { id: "late:1", status: "done" },
      { id: "late:2", status: "open" },
      { id: "late:3", status: "open" },
    ] as never);
  },
  TEST_MS,
);

test(
  "given events of any kind, when applied one by one or many at once, then the tables are the same",
  async () => {
    const from = testSeed("batches");
    for (let seed = from; seed < from + ROUNDS; seed += 1) {
      const random = seededRandom(seed);
      const events = someEvents(random);
      const oneByOne = await stateAfter(events.map((event) => [event]));
      const cut = Math.floor(random() * EVENTS);
      expect({ seed, state: await stateAfter([events]) }).toEqual({ seed, state: oneByOne });
      expect({ seed, state: await stateAfter([events.slice(0, cut), events.slice(cut)]) }).toEqual({
        seed,
        state: oneByOne,
      });
    }
  },
  TEST_MS,
);
