import { afterAll, beforeAll, expect, test } from "bun:test";
import { z } from "zod";
import { type App, type AppOptions, openApp } from "../../src/app.ts";
import type { Agent } from "../../src/engine/agent.ts";
import type { Domain } from "../../src/engine/domain.ts";
import { TerminalError } from "../../src/engine/errors.ts";
import { defineEvent, type StoredEvent } from "../../src/engine/event.ts";
import { on } from "../../src/engine/projection.ts";
import { defineRoute } from "../../src/engine/route.ts";
import type { Sql } from "../../src/engine/store.ts";
import { defineWork } from "../../src/engine/work.ts";
import { ingest } from "../../src/pipeline/ingest.ts";
import { failureDeskOf, pipelineHealth } from "../../src/server.ts";
import { readTopic } from "../support/read-topic.ts";
import { settled } from "../support/settled.ts";
import { flowAnew } from "../support/start-over.ts";
import { createTestApp, type TestApp } from "../support/test-app.ts";

const payload = z.looseObject({});
const asked = defineEvent({ type: "errand.asked", subject: "errand", version: 1, payload });
const done = defineEvent({ type: "errand.done", subject: "errand", version: 1, payload });
const runErrand = defineWork({ type: "run_errand", payload });
const asksToRun = defineRoute({ on: asked, dispatch: runErrand, key: (event) => event.id, plan: () => ({}) });

/** What cannot be done, until it is mended. */
const broken = new Set<string>();
let runs = 0;

const runner: Agent = {
  name: "runner",
  group: "runner-v1",
  handles: runErrand,
  concurrency: 16,
  timeoutMs: 5_000,
  async run({ subjectId }) {
    runs += 1;
    if (broken.has(subjectId)) throw new TerminalError("the shop is closed", "closed");
    return [{ type: done.type, subject: done.subject, subjectId, payload: {} }];
  },
};

/** Writes down which events are applied, and the last word without asking whose it was: that hangs on their order. */
async function write(events: readonly StoredEvent[], sql: Sql) {
  for (const { subjectId, position, payload: said } of events) {
    if (said.refused) await sql`select 1 / 0`;
    await sql`insert into lifestream.diary values (${subjectId}, ${position}) on conflict do nothing`;
    if (said.word) await sql`delete from lifestream.last_word where subject_id = ${subjectId}`;
    if (said.word) await sql`insert into lifestream.last_word values (${subjectId}, ${String(said.word)})`;
  }
  return undefined;
}

const sql = `create table lifestream.diary (subject_id text, position bigint primary key);
  create table lifestream.last_word (subject_id text primary key, word text)`;
const migrations = [{ name: "0001", sql }];
const errands: Domain = {
  name: "errands",
  events: [asked, done],
  routes: [asksToRun],
  agents: [runner],
  projections: [{ name: "diary", tables: ["diary", "last_word"], handlers: [on(asked, write), on(done, write)] }],
  migrations,
};

/** The same after an upgrade: it knows one type more, and a later version of another. */
const praised = defineEvent({ type: "errand.praised", subject: "errand", version: 1, payload });
const upgraded: Domain = {
  ...errands,
  events: [asked, { ...done, version: 2 }, praised],
  routes: [asksToRun, defineRoute({ on: praised, dispatch: runErrand, key: (event) => event.id, plan: () => ({}) })],
  projections: [
    { name: "diary", tables: ["diary"], handlers: [asked, done, praised].map((event) => on(event, write)) },
  ],
};

const LATER = { domains: () => [upgraded] };

let world: TestApp;
let later: App;
/** Who decides about failures. */
let admin: App;

beforeAll(async () => {
  world = await createTestApp({}, { domains: () => [errands] });
  admin = (await world.logins()).app("admin");
  const { config, databaseUrl, kafkaBrokers, logger } = world.app;
  later = await openApp({
    config,
    databaseUrl,
    kafkaBrokers,
    logger,
    name: "later",
    withAgents: true,
    ...LATER,
  });
}, 60_000);
afterAll(async () => {
  await later[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
}, 60_000);

const PERSON = { by: "ada", source: "test", reason: "it is mended" };
const desk = () => failureDeskOf(admin);
const run = (other: Pick<AppOptions, "domains"> = {}) => world.runUntil(world.stages(other), () => settled(world.app));

async function append(
  events: { type: string; subjectId: string; payload?: object; version?: number }[],
  app = world.app,
) {
  await app.db.begin(async (tx) => {
    for (const { type, subjectId, payload: said = {}, version = 1 } of events) {
      await tx`insert into lifestream.events (occurred_at, source, subject, subject_id, event_type, schema_version, payload)
        values (now(), 'test', 'errand', ${subjectId}, ${type}, ${version}, ${tx.json(said as never)})`;
    }
  });
}

const ask = (subjectId: string) => append([{ type: asked.type, subjectId }]);

const workOf = async (subjectId: string) => {
  const rows = await world.app.db<{ id: string; status: string; attempt: number; round: number }[]>`
    select id, status, attempt, round from lifestream.work where subject_id = ${subjectId}`;
  return rows[0] ?? { id: "", status: "none", attempt: 0, round: 0 };
};

const recordOf = async (subjectId: string) => {
  const rows = await world.app.db<{ id: string; status: string; tries: number; error: string; error_class: string }[]>`
    select id, status, tries, error, error_class from lifestream.dead_letters
    where record_key = ${Buffer.from(subjectId)} order by created_at`;
  return rows[0] ?? { id: "", status: "none", tries: 0, error: "", error_class: "" };
};

const diaryOf = async (subjectId: string) => {
  const rows = await world.app.db<{ type: string }[]>`
    select e.event_type as type from lifestream.diary d join lifestream.events e using (position)
    where d.subject_id = ${subjectId} order by position`;
  return rows.map(({ type }) => type);
};

const letters = async (id: string) =>
  (await readTopic(world, "work.dead_letter")).map((text) => JSON.parse(text).original_work).filter((w) => w.id === id);

test("given work that was given up, when redriven twice after its cause is gone, then it is done once, its past kept", async () => {
  broken.add("e:one");
  await ask("e:one");
  await run();
  const { id } = await workOf("e:one");
  expect(await workOf("e:one")).toMatchObject({ status: "dead", attempt: 1, round: 1 });
  broken.delete("e:one");
  expect(await desk().redrive([id], PERSON)).toMatchObject({ work: 1, records: 0, already: 0, skipped: [] });
  expect(await desk().redrive([id], PERSON)).toMatchObject({ work: 0, already: 1 });
  await run();
  expect(await workOf("e:one")).toMatchObject({ status: "done", attempt: 2, round: 2 });
  const unchanged = [{ id, why: "it was redriven, and is done" }];
  expect(await desk().redrive([id], PERSON)).toMatchObject({ work: 0, unchanged, skipped: [] });
  expect((await desk().discard([id], PERSON)).skipped).toEqual(unchanged);
  const shown = await desk().show(id);
  expect(shown?.attempts).toMatchObject([{ round: 1, attempt: 1, error: "the shop is closed", errorClass: "closed" }]);
  expect(shown?.acts).toMatchObject([
    { type: "work.redriven", payload: { by: "ada", reason: "it is mended", error: "the shop is closed" } },
  ]);
  expect(shown?.summary).toMatchObject({ state: "redriven", redrives: 1, decision: { by: "ada" } });
}, 60_000);

test("given work that fails in each round, when redriven, then each round is numbered from 1 and leaves one dead letter", async () => {
  broken.add("e:two");
  await ask("e:two");
  await run();
  const { id } = await workOf("e:two");
  await desk().redrive({ subjectId: "e:two" }, PERSON);
  await run();
  expect(await workOf("e:two")).toMatchObject({ status: "dead", attempt: 2, round: 2 });
  expect(await letters(id)).toMatchObject([
    { attempt: 1, max_attempts: 3 },
    { attempt: 1, max_attempts: 3, round: 2, attempts_before: 1 },
  ]);
  expect((await desk().show(id))?.attempts.map(({ round, attempt }) => [round, attempt])).toEqual([
    [1, 1],
    [2, 1],
  ]);
}, 60_000);

test("given a dead letter that is not sent yet, when its work is redriven, then the round waits for it", async () => {
  const id = crypto.randomUUID();
  const { db, store } = world.app;
  await db`insert into lifestream.work (id, work_type, subject, subject_id, status, finished_at, correlation_id,
      triggered_by_event_id) values (${id}, 'run_errand', 'errand', 'e:quick', 'dead', now(), ${id}, ${id})`;
  const act = { id, round: 1, at: "2026-01-01T00:00:00.000Z", by: "ada", reason: null };
  expect(await store.transaction((tx) => tx.work.redrive([act]))).toBe(1);
  expect(await workOf("e:quick")).toMatchObject({ status: "dead", round: 1 });
  await run();
  expect(await workOf("e:quick")).toMatchObject({ status: "done", round: 2 });
  expect(await letters(id)).toHaveLength(1);
}, 60_000);

test("given work that was given up, when discarded, then nobody counts it, it stays to be seen, and may be redriven", async () => {
  broken.add("e:three");
  await ask("e:three");
  await run();
  const { id } = await workOf("e:three");
  expect(await desk().discard({ subjectId: "e:three" }, PERSON, { dryRun: true })).toMatchObject({ work: 1 });
  expect(await desk().discard([id], { ...PERSON, reason: "no longer wanted" })).toMatchObject({ work: 1 });
  await run();
  expect((await workOf("e:three")).status).toBe("discarded");
  expect((await desk().list({ subjectId: "e:three" })).failures).toEqual([]);
  expect((await pipelineHealth(world.app)).deadWork.latest.map((one) => one.id)).not.toContain(id);
  expect((await desk().list({ subjectId: "e:three", all: true })).failures).toMatchObject([
    { id, state: "discarded", decision: { by: "ada", reason: "no longer wanted" } },
  ]);
  const unchanged = [{ id, why: "it was discarded already" }];
  expect(await desk().discard([id], { ...PERSON, reason: "again" })).toMatchObject({ unchanged, skipped: [] });
  broken.delete("e:three");
  await desk().redrive([id], PERSON);
  await run();
  expect((await workOf("e:three")).status).toBe("done");
}, 60_000);

test("given 500 pieces of failed work, when redriven by a filter, dry and then in earnest, then all are done", async () => {
  const { db } = world.app;
  await db`insert into lifestream.work (id, work_type, subject, subject_id, status, last_error, error_class, finished_at,
      dead_letter_sent_at, correlation_id, triggered_by_event_id)
    select gen_random_uuid(), 'run_errand', 'errand', 'bulk:' || n, 'dead', 'flood', 'flooded', now(), now(),
      gen_random_uuid(), gen_random_uuid() from generate_series(1, 500) n`;
  expect(await desk().redrive({ errorClass: "flooded" }, PERSON, { dryRun: true })).toMatchObject({
    work: 500,
    outlooks: [{ helps: true, text: "it begins again at attempt 1 of 3, as round 2", count: 500 }],
  });
  expect(await desk().redrive({ errorClass: "flooded" }, PERSON, { dryRun: true, limit: 150 })).toMatchObject({
    work: 150,
    left: 350,
  });
  expect((await desk().list({ errorClass: "flooded" })).total).toBe(500);
  const before = runs;
  const startedAt = performance.now();
  expect(await desk().redrive({ errorClass: "flooded" }, PERSON)).toMatchObject({ work: 500, already: 0 });
  await run();
  console.log(`500 redriven and done in ${Math.round(performance.now() - startedAt)} ms`);
  const [left] =
    await db`select count(*) as n from lifestream.work where subject_id like 'bulk:%' and status <> 'done'`;
  expect([left?.n, runs - before]).toEqual([0, 500]);
}, 60_000);

test("given an event of a type that was unknown, when redriven after an upgrade, then it is applied and asks for its work", async () => {
  await append([{ type: asked.type, subjectId: "e:four" }]);
  await append([{ type: praised.type, subjectId: "e:four" }]);
  await run();
  expect(await recordOf("e:four")).toMatchObject({ status: "open", error_class: "unknown_event_type" });
  expect(await diaryOf("e:four")).toEqual([asked.type, done.type]);
  const { id } = await recordOf("e:four");
  // The old program again: it stays, and says what is wrong now.
  await desk().redrive([id], PERSON);
  await run();
  expect(await recordOf("e:four")).toMatchObject({ status: "open", tries: 1, error_class: "unknown_event_type" });
  const outlook = (await failureDeskOf(later).show(id))?.outlook;
  expect(outlook).toEqual({
    helps: true,
    text: "errand.praised of e:four can be read now: applied to diary; may ask for run_errand",
  });
  await desk().redrive([id], PERSON);
  await run(LATER);
  expect(await recordOf("e:four")).toMatchObject({ status: "redriven", tries: 2 });
  // In the ledger's order, and with the work it asks for.
  expect(await diaryOf("e:four")).toEqual([asked.type, praised.type, done.type, done.type]);
}, 60_000);

test("given a record of a newer version and one that is no event, when redriven, then only what can be read is healed", async () => {
  const { store, registry, db } = world.app;
  const say = (word: string) => ({ type: done.type, subject: "errand", subjectId: "e:five", payload: { word } });
  const [event] = await ingest([say("first"), say("second")], { store, registry, now: () => new Date() });
  await run();
  const [row] = await store.ledger.find([event?.id ?? ""]);
  // As if the first had been too new when it came.
  await db`delete from lifestream.diary where position = ${row?.position ?? 0}`;
  const value = {
    id: event?.id,
    occurred_at: row?.occurredAt,
    source: "test",
    subject: "errand",
    subject_id: "e:five",
  };
  const record = (id: string, bytes: Buffer) => ({
    id,
    stage: "materializer",
    topic: "events.raw",
    partition: 0,
    offset: 0,
    key: Buffer.from(id),
    value: bytes,
    headers: {},
    error: "version 2",
    errorClass: "newer_version",
  });
  const newer = crypto.randomUUID();
  const half = crypto.randomUUID();
  const bytes = Buffer.from(JSON.stringify({ ...value, event_type: done.type, schema_version: 2, payload: {} }));
  await store.transaction((tx) => tx.deadLetters.put([record(newer, bytes), record(half, Buffer.from('{"half'))]));
  expect(await desk().redrive({ errorClass: "newer_version" }, PERSON)).toMatchObject({ records: 2 });
  await run(LATER);
  expect(await recordOf(newer)).toMatchObject({ status: "redriven" });
  expect(await recordOf(half)).toMatchObject({ status: "open", tries: 1, error_class: "invalid_json" });
  expect(await diaryOf("e:five")).toEqual([done.type, done.type]);
  const [last] = await db`select word from lifestream.last_word where subject_id = 'e:five'`;
  expect(last?.word).toBe("second");
}, 60_000);

test("given a record that was too new, when the program is upgraded and nobody does anything, then it is applied", async () => {
  await append([{ type: done.type, subjectId: "e:newer", version: 2 }]);
  await run();
  expect(await recordOf("e:newer")).toMatchObject({ status: "open", error_class: "newer_version" });
  await world.runUntil(world.stages(LATER), async () => (await recordOf("e:newer")).status === "redriven");
  expect(await diaryOf("e:newer")).toEqual([done.type]);
}, 60_000);

test("given an event that Postgres refuses, when redriven among good ones, then it stays with its error and they go on", async () => {
  await append([{ type: asked.type, subjectId: "e:six", payload: { refused: true } }]);
  await run();
  const { id } = await recordOf("e:six");
  await desk().redrive([id], PERSON);
  await ask("e:seven");
  await run();
  expect(await recordOf("e:six")).toMatchObject({ status: "open", tries: 1, error_class: "sql_22012" });
  expect(await diaryOf("e:seven")).toEqual([asked.type, done.type]);
  await desk().discard([id], { ...PERSON, reason: "cannot be mended" });
  await run();
  expect(await recordOf("e:six")).toMatchObject({ status: "discarded" });
}, 60_000);

/** Runs the upgraded program until it has offered these again by itself, and all that follows is done. */
const runUntilHealed = (names: readonly string[]) =>
  world.runUntil(world.stages(LATER), async () => {
    const records = await Promise.all(names.map(recordOf));
    return records.every(({ status }) => status === "redriven") && (await settled(world.app));
  });

/** As another program may store it: Postgres bears it, and no event of ours takes it. */
const longName = (what: string) => `${what}:${"x".repeat(2_400)}`;

test("given a subject whose name is too long for an event, when its work is redriven among others, then all are", async () => {
  const names = [longName("e:long"), "e:short"];
  await append(names.map((subjectId) => ({ type: asked.type, subjectId })));
  for (const name of names) broken.add(name);
  await run();
  expect(await workOf(names[0] ?? "")).toMatchObject({ status: "dead", round: 1 });
  const ids = await Promise.all(names.map(async (name) => (await workOf(name)).id));
  expect(await desk().redrive(ids, PERSON)).toMatchObject({ work: 2, skipped: [] });
  await run();
  for (const name of names) expect(await workOf(name)).toMatchObject({ status: "dead", round: 2 });
  expect(await desk().discard(ids, PERSON)).toMatchObject({ work: 2, skipped: [] });
  await run();
  for (const name of names) expect(await workOf(name)).toMatchObject({ status: "discarded" });
}, 60_000);

test("given newer events, one of a subject whose name is too long, when upgraded, then all of them are applied", async () => {
  const names = [longName("e:newer"), "e:newer-1", "e:newer-2"];
  await append(names.map((subjectId) => ({ type: done.type, subjectId, version: 2 })));
  await run();
  for (const name of names)
    expect(await recordOf(name)).toMatchObject({ status: "open", error_class: "newer_version" });
  await runUntilHealed(names);
  for (const name of names) {
    expect(await recordOf(name)).toMatchObject({ status: "redriven", tries: 1 });
    expect(await diaryOf(name)).toEqual([done.type]);
  }
}, 60_000);

test("given all these decisions, when the whole ledger flows again, then nothing is done again and all is as it was", async () => {
  const { app } = world;
  const state = async () => ({
    work: await app.db`select id, status, attempt, round, decided_by, decided_why from lifestream.work order by id`,
    records: await app.db`select id, status, tries, error from lifestream.dead_letters order by id`,
    diary: await app.db`select * from lifestream.diary order by position`,
    words: await app.db`select * from lifestream.last_word order by 1`,
  });
  const before = await state();
  const asksBefore = runs;
  const names = app.registry.topics.map(({ name }) => name);
  await startOver(names);
  await run(LATER);
  expect(await state()).toEqual(before);
  expect(runs).toBe(asksBefore);
  // A program that does not know the type again: what seemed healed is open, not lost.
  await startOver(names);
  await run();
  expect(await recordOf("e:four")).toMatchObject({ status: "open", error_class: "unknown_event_type" });
}, 60_000);

/** Lets the whole ledger flow again, into the topics as they are. */
async function startOver(names: readonly string[]): Promise<void> {
  const relay = (await world.logins()).app("relay");
  const { log } = relay;
  await flowAnew(relay, { ...(await log.identity(names)), flowFrom: await log.endOffsets(names) });
}
