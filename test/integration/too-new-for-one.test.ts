/** Router and materializer are upgraded one after the other, in either order: what is too new for one of them alone. */
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { z } from "zod";
import type { Agent } from "../../src/engine/agent.ts";
import type { Domain } from "../../src/engine/domain.ts";
import { defineEvent, type StoredEvent } from "../../src/engine/event.ts";
import { on } from "../../src/engine/projection.ts";
import { defineRoute } from "../../src/engine/route.ts";
import type { Sql } from "../../src/engine/store.ts";
import { defineWork } from "../../src/engine/work.ts";
import { failureDeskOf, pipelineHealth } from "../../src/server.ts";
import { settled } from "../support/settled.ts";
import { flowAnew } from "../support/start-over.ts";
import { createTestApp, type TestApp } from "../support/test-app.ts";

const payload = z.looseObject({});
const runErrand = defineWork({ type: "run_errand", payload });
let runs = 0;

const runner: Agent = {
  name: "runner",
  group: "runner-v1",
  handles: runErrand,
  concurrency: 1,
  timeoutMs: 5_000,
  async run() {
    runs += 1;
    return [];
  },
};

/** Counts what is applied, and keeps the last word without asking whose it was: that hangs on the order. */
async function write(events: readonly StoredEvent[], sql: Sql) {
  for (const { subjectId, position, payload: said } of events) {
    await sql`insert into lifestream.diary values (${subjectId}, ${position}) on conflict do nothing`;
    await sql`delete from lifestream.last_word where subject_id = ${subjectId}`;
    await sql`insert into lifestream.last_word values (${subjectId}, ${String(said.word)})`;
  }
  return undefined;
}

const sql = `create table lifestream.diary (subject_id text, position bigint primary key);
  create table lifestream.last_word (subject_id text primary key, word text)`;

/** Errands as a program knows them up to this version of `errand.asked`. */
function errands(version: number): Domain {
  const asked = defineEvent({ type: "errand.asked", subject: "errand", version, payload });
  const said = defineEvent({ type: "errand.said", subject: "errand", version: 1, payload });
  return {
    name: "errands",
    events: [asked, said],
    routes: [defineRoute({ on: asked, dispatch: runErrand, key: (event) => event.id, plan: () => ({}) })],
    agents: [runner],
    projections: [{ name: "diary", tables: ["diary", "last_word"], handlers: [on(asked, write), on(said, write)] }],
    migrations: [{ name: "0001", sql }],
  };
}

const OLD = { domains: () => [errands(1)] };
const NEW = { domains: () => [errands(2)] };

let world: TestApp;
let subjectId = "";

beforeAll(async () => {
  world = await createTestApp({}, OLD);
}, 60_000);
afterAll(() => world[Symbol.asyncDispose](), 60_000);
beforeEach(() => {
  subjectId = `errand:${crypto.randomUUID()}`;
  runs = 0;
});

/** The pipeline with these stages of an older program, all others of a newer one. */
async function stages({ old }: { old: readonly string[] }) {
  const [older, newer] = [await world.stages(OLD), await world.stages(NEW)];
  return [...older.filter(({ name }) => old.includes(name)), ...newer.filter(({ name }) => !old.includes(name))];
}

const runUntil = async (which: { old: readonly string[] }, done: () => Promise<boolean>) =>
  world.runUntil(await stages(which), async () => (await done()) && (await settled(world.app)));

const always = async () => true;

/** An event of the newer version, and one behind it that every program knows. */
async function append(): Promise<void> {
  const { db } = world.app;
  const rows = [
    ["errand.asked", 2, "first"],
    ["errand.said", 1, "second"],
  ] as const;
  for (const [type, version, word] of rows)
    await db`insert into lifestream.events (occurred_at, source, subject, subject_id, event_type, schema_version, payload)
      values (now(), 'test', 'errand', ${subjectId}, ${type}, ${version}, ${db.json({ word })})`;
}

async function state() {
  const { db } = world.app;
  const [row] = await db<{ applied: number; work: number; word: string | null; tries: number }[]>`
    select (select count(*) from lifestream.diary where subject_id = ${subjectId}) as applied,
      (select count(*) from lifestream.work where subject_id = ${subjectId}) as work,
      (select word from lifestream.last_word where subject_id = ${subjectId}) as word,
      (select sum(tries) from lifestream.dead_letters where record_key = ${Buffer.from(subjectId)})::int as tries`;
  const open = (await failureDeskOf(world.app).list({ subjectId })).total;
  return { applied: row?.applied, work: row?.work, word: row?.word, tries: row?.tries ?? 0, open };
}

const isClosed = async () => (await state()).open === 0;
const isTried = async () => (await state()).tries > 0;

const DONE = { applied: 2, work: 1, word: "second", open: 0 };

test("given a materializer that is upgraded before the router, when that follows, then the work is asked for, once", async () => {
  await append();
  await runUntil({ old: ["router", "dispatcher"] }, always);
  expect(await state()).toEqual({ applied: 2, work: 0, word: "second", open: 1, tries: 0 });
  expect((await pipelineHealth(world.app)).tooNew).toMatchObject({ total: 1 });
  await runUntil({ old: [] }, isClosed);
  expect(await state()).toEqual({ ...DONE, tries: 1 });
  expect(runs).toBe(1);
  expect((await pipelineHealth(world.app)).tooNew.total).toBe(0);
  const [shown] = (await failureDeskOf(world.app).list({ subjectId, all: true })).failures;
  expect(shown).toMatchObject({ state: "redriven", decision: { by: "stream-agents" } });
}, 60_000);

test("given a router that is upgraded before the materializer, when that follows, then the event is applied, and nothing asked for twice", async () => {
  await append();
  await runUntil({ old: ["materializer"] }, always);
  expect(await state()).toMatchObject({ applied: 1, work: 1, word: "second", open: 1 });
  await runUntil({ old: [] }, isClosed);
  expect(await state()).toMatchObject(DONE);
  expect(runs).toBe(1);
}, 60_000);

test.each([
  ["router and materializer", ["router", "dispatcher", "materializer"], 1],
  ["the router alone", ["router", "dispatcher"], 2],
] as const)(
  "given an event too new for %s, when it is offered again while a router is still the older one, then it is not forgotten",
  async (_, old, applied) => {
    await append();
    await runUntil({ old }, always);
    expect(await state()).toEqual({ applied, work: 0, word: "second", open: 1, tries: 0 });
    await runUntil({ old: ["router"] }, isTried);
    expect(await state()).toMatchObject({ applied: 2, work: 0, word: "second", open: 1 });
    await runUntil({ old: [] }, isClosed);
    expect(await state()).toMatchObject(DONE);
    expect(runs).toBe(1);
  },
  60_000,
);

test("given the whole ledger once more, when an upgraded program handles it, then all is as it was", async () => {
  const { app } = world;
  const all = () => app.db`select id, status, unrouted, tries from lifestream.dead_letters order by id`;
  const before = await all();
  const work = await app.db`select id, status, attempt from lifestream.work order by id`;
  const names = app.registry.topics.map(({ name }) => name);
  await flowAnew(app, { ...(await app.log.identity(names)), flowFrom: await app.log.endOffsets(names) });
  await runUntil({ old: [] }, always);
  expect(await all()).toEqual(before);
  expect(await app.db`select id, status, attempt from lifestream.work order by id`).toEqual(work);
  expect(runs).toBe(0);
}, 60_000);

test("given an event that only the router cannot read, when a person discards it, then it is closed for good", async () => {
  await append();
  await runUntil({ old: ["router", "dispatcher"] }, always);
  await failureDeskOf(world.app).discard({ subjectId }, { by: "ada", source: "test", reason: "long past" });
  await runUntil({ old: ["router", "dispatcher"] }, isClosed);
  await runUntil({ old: [] }, always);
  expect(await state()).toEqual({ applied: 2, work: 0, word: "second", open: 0, tries: 0 });
}, 60_000);
