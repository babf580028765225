/** What `verify` says of a subject whose rows are not what the ledger gives: which event was lost, or applied twice. */
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { z } from "zod";
import type { Domain } from "../../src/engine/domain.ts";
import { defineEvent, type PayloadOf, type StoredEvent } from "../../src/engine/event.ts";
import { on } from "../../src/engine/projection.ts";
import type { Sql } from "../../src/engine/store.ts";
import { ingest } from "../../src/pipeline/ingest.ts";
import { EXPLAINED_EVENTS, type Explained } from "../../src/rebuild/explain.ts";
import { rebuild } from "../../src/rebuild/rebuild.ts";
import { verify } from "../../src/rebuild/verify.ts";
import { materializerStages, relayStage } from "../../src/stages.ts";
import { isApplied } from "../support/settled.ts";
import { createTestApp, type TestApp } from "../support/test-app.ts";

const TEST_MS = 60_000;
/** Every sum of some of them is another one, also with one of them twice. */
const AMOUNTS = [1, 10, 100, 1000];

const coinSaved = defineEvent({
  type: "coin.saved",
  subject: "coins",
  version: 1,
  payload: z.looseObject({ amount: z.number() }),
});

/** Adds up, so that an event that is applied twice can be seen: no projection should be made like this. */
async function applySaved(events: readonly StoredEvent<PayloadOf<typeof coinSaved>>[], tx: Sql): Promise<undefined> {
  await tx`
    insert into lifestream.coins as c (subject_id, total)
    select subject_id, sum(amount) from unnest(${events.map((event) => event.subjectId)}::text[],
      ${events.map((event) => event.payload.amount)}::int[]) as n(subject_id, amount) group by 1
    on conflict (subject_id) do update set total = c.total + excluded.total`;
}

const coins: Domain = {
  name: "coins",
  events: [coinSaved],
  projections: [{ name: "coins", tables: ["coins"], handlers: [on(coinSaved, applySaved)] }],
  migrations: [
    { name: "0001_coins", sql: "create table lifestream.coins (subject_id text primary key, total bigint not null)" },
  ],
};

let world: TestApp;
let ids: string[];

beforeAll(async () => {
  world = await createTestApp({}, { domains: () => [coins] });
  ids = await save("coins:few", AMOUNTS);
  await save(
    "coins:many",
    Array.from({ length: EXPLAINED_EVENTS + 1 }, () => 1),
  );
  const stages = [relayStage(world.app, { once: false }), ...materializerStages(world.app, { once: false })];
  await world.runUntil(stages, () => isApplied(world.app, ["materializer-v1"]));
}, TEST_MS);

afterAll(() => world[Symbol.asyncDispose](), TEST_MS);

beforeEach(async () => {
  await rebuild(options());
});

async function save(subjectId: string, amounts: readonly number[]): Promise<string[]> {
  const { store, registry } = world.app;
  const events = amounts.map((amount) => ({ type: "coin.saved", subject: "coins", subjectId, payload: { amount } }));
  return (await ingest(events, { store, registry, now: () => new Date() })).map(({ id }) => id);
}

const options = () => {
  const { db, registry, clock, random } = world.app;
  return { db, registry, projections: registry.projections, clock, random, signal: new AbortController().signal };
};

/** As it would be had some events been lost, or applied more than once. */
async function explainedWith(change: number, subjectId = "coins:few"): Promise<readonly Explained[]> {
  await world.app.db`update lifestream.coins set total = total + ${change} where subject_id = ${subjectId}`;
  return (await verify(options())).explained;
}

const found = (of: Partial<Explained>): Explained[] => [
  { subjectId: "coins:few", lost: [], doubled: [], lookedInto: true, ...of },
];

test("given an event that was applied twice, when verified, then it is named as doubled", async () => {
  expect(await explainedWith(100)).toEqual(found({ doubled: ids.slice(2, 3) }));
});

test("given one event that was lost, or the last ones, when verified, then they are named as lost", async () => {
  expect(await explainedWith(-10)).toEqual(found({ lost: ids.slice(1, 2) }));
  await rebuild(options());
  expect(await explainedWith(-1_100)).toEqual(found({ lost: ids.slice(2) }));
});

test("given two lost events that are not the last ones, or two that were applied twice, when verified, then no event is named", async () => {
  expect(await explainedWith(-101)).toEqual(found({}));
  await rebuild(options());
  expect(await explainedWith(101)).toEqual(found({}));
});

test("given a subject with more events than are tried, when verified, then it is told that nothing was", async () => {
  expect(await explainedWith(1, "coins:many")).toEqual([
    { subjectId: "coins:many", lost: [], doubled: [], lookedInto: false },
  ]);
});
