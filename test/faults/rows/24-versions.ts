import { walksBefore } from "../../../examples/walks/before.ts";
import { walks } from "../../../examples/walks/index.ts";
import { migrate } from "../../../src/adapters/postgres/migrate.ts";
import { type App, allMigrations, openApp } from "../../../src/app.ts";
import { ingest } from "../../../src/pipeline/ingest.ts";
import { rebuild } from "../../../src/rebuild/rebuild.ts";
import { pipelineHealth } from "../../../src/server.ts";
import { allStages } from "../../../src/stages.ts";
import { isApplied } from "../../support/settled.ts";
import { createTestApp } from "../../support/test-app.ts";
import type { FaultRow } from "../row.ts";

const GROUPS = ["router-v1", "materializer-v1"];
const EVENTS = 200;
const ROUTES = 12;

export const versions: FaultRow = {
  number: 24,
  title: "old program sees a newer version, new one an older",
  expected: "upcast; the unknown newer version waits and is applied after the upgrade, in its place",
  deadlineSeconds: 60,
  quick: true,
  async run(random) {
    await using world = await createTestApp({}, { domains: () => [walksBefore] });
    const older = world.app;
    const { config, databaseUrl, kafkaBrokers, logger } = older;
    await using newer = await openApp({
      config,
      databaseUrl,
      kafkaBrokers,
      logger,
      name: "newer",
      domains: () => [walks],
    });
    await migrate(newer.db, await allMigrations(newer.registry));
    const last = await walkSome(older, newer, random);
    const { tooNew } = await settle(world, older, async () => true);
    const startedAt = performance.now();
    await settle(world, newer, async () => (await pipelineHealth(newer)).tooNew.total === 0);
    const recoveredMs = performance.now() - startedAt;
    // Those before the new column: what a rebuild is for.
    const { db, registry, clock, random: dice } = newer;
    const signal = new AbortController().signal;
    await rebuild({ db, registry, projections: registry.projections, clock, random: dice, signal });
    const rows = await db<{ id: string; meters: number }[]>`select subject_id as id, meters from lifestream.routes`;
    const wrong = [...last].filter(([id, meters]) => rows.find((row) => row.id === id)?.meters !== meters);
    return {
      injected: `${EVENTS} events of two versions, mixed; ${tooNew.total} were too new for the older program`,
      seen: `${EVENTS - wrong.length} events applied`,
      recoveredMs,
      lost: wrong.length,
      doubled: rows.length - last.size,
    };
  },
};

/** Either program captures, at random. Returns each route's last walk in meters. */
async function walkSome(older: App, newer: App, random: () => number): Promise<Map<string, number>> {
  const last = new Map<string, number>();
  for (let n = 1; n <= EVENTS; n += 1) {
    const subjectId = `route:${Math.floor(random() * ROUTES)}`;
    const isNew = random() < 0.5;
    const { store, registry } = isNew ? newer : older;
    const payload = isNew ? { meters: n } : { distance: `${n} m` };
    const event = { type: "walk.done", subject: "route", subjectId, payload };
    await ingest([event], { store, registry, now: () => new Date() });
    last.set(subjectId, n);
  }
  return last;
}

async function settle(world: Awaited<ReturnType<typeof createTestApp>>, app: App, done: () => Promise<boolean>) {
  const stages = allStages(app, { once: false });
  await world.runUntil(stages, async () => (await isApplied(app, GROUPS)) && (await done()), 60_000);
  return pipelineHealth(app);
}
