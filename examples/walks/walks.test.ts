/** What docs/changing-an-event.md says, step by step. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { migrate } from "../../src/adapters/postgres/migrate.ts";
import { type App, allMigrations, openApp } from "../../src/app.ts";
import { ingest } from "../../src/pipeline/ingest.ts";
import { rebuild } from "../../src/rebuild/rebuild.ts";
import { isSound, verify } from "../../src/rebuild/verify.ts";
import { pipelineHealth } from "../../src/server.ts";
import { allStages } from "../../src/stages.ts";
import { isApplied } from "../../test/support/settled.ts";
import { createTestApp, type TestApp } from "../../test/support/test-app.ts";
import { walksBefore } from "./before.ts";
import { walks } from "./index.ts";

const TEST_MS = 60_000;
const GROUPS = ["router-v1", "materializer-v1"];

let world: TestApp;
/** The same installation after its upgrade. */
let upgraded: App;

beforeAll(async () => {
  world = await createTestApp({}, { domains: () => [walksBefore] });
  const { config, databaseUrl, kafkaBrokers, logger } = world.app;
  upgraded = await openApp({ config, databaseUrl, kafkaBrokers, logger, name: "upgraded", domains: () => [walks] });
}, TEST_MS);

afterAll(async () => {
  await upgraded[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
}, TEST_MS);

async function walk({ store, registry }: App, route: string, payload: Record<string, unknown>): Promise<void> {
  const event = { type: "walk.done", subject: "route", subjectId: `route:${route}`, payload };
  await ingest([event], { store, registry, now: () => new Date() });
}

const run = (app: App, done = async () => true) =>
  world.runUntil(allStages(app, { once: false }), async () => (await isApplied(app, GROUPS)) && (await done()));

const foldOptions = ({ db, registry, clock, random }: App) => ({
  db,
  registry,
  projections: registry.projections,
  clock,
  random,
  signal: new AbortController().signal,
});

test(
  "given events of a version that is yet to come, when the older program meets them, then they wait and the rest goes on",
  async () => {
    const { app } = world;
    await walk(app, "lake", { distance: "5 km" });
    await walk(upgraded, "park", { meters: 3_000 });
    await walk(upgraded, "hill", { meters: 700 });
    await walk(app, "park", { distance: "800 m" });
    await run(app);
    expect((await app.db`select subject_id, distance from lifestream.routes order by 1`).map(Object.values)).toEqual([
      ["route:lake", "5 km"],
      ["route:park", "800 m"],
    ]);
    const { tooNew, deadRecords } = await pipelineHealth(app);
    expect(tooNew).toMatchObject({ total: 2, latest: [{ events: 2, error: expect.stringContaining("version 2") }] });
    expect(deadRecords.total).toBe(0);
  },
  TEST_MS,
);

test(
  "given the upgrade, when the newer program starts, then what waited is applied by itself, in its place in the order",
  async () => {
    const { db } = upgraded;
    await migrate(db, await allMigrations(upgraded.registry));
    await run(upgraded, async () => (await pipelineHealth(upgraded)).tooNew.total === 0);
    const rows = await db`select subject_id, meters from lifestream.routes where meters is not null order by 1`;
    // The walk of 3,000 m was before the one of 800 m: that one is the last, also where it is told late.
    expect(rows.map(Object.values)).toEqual([
      ["route:hill", 700],
      ["route:park", 800],
    ]);
    const decided =
      await db`select distinct source, payload->>'by' as by from lifestream.events where event_type = 'record.redriven'`;
    expect(decided.map(Object.values)).toEqual([["upgrade", "stream-agents"]]);
  },
  TEST_MS,
);

test(
  "given the new column, when the projection is rebuilt, then older events fill it too",
  async () => {
    expect(isSound(await verify(foldOptions(upgraded)))).toBe(false);
    await rebuild(foldOptions(upgraded));
    const rows = await upgraded.db`select subject_id, meters from lifestream.routes order by 1`;
    expect(rows.map(Object.values)).toEqual([
      ["route:hill", 700],
      ["route:lake", 5_000],
      ["route:park", 800],
    ]);
    expect(isSound(await verify(foldOptions(upgraded)))).toBe(true);
  },
  TEST_MS,
);
