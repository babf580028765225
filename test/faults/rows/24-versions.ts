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
    const parked = [...last.values()].reduce((sum, { newerWalks }) => sum + newerWalks, 0);
    if (tooNew.total !== parked || parked === 0)
      throw new Error(`${tooNew.total} of ${parked} events are parked as too new`);
    const startedAt = performance.now();
    await settle(world, newer, async () => (await pipelineHealth(newer)).tooNew.total === 0);
    const recoveredMs = performance.now() - startedAt;
    const { db, registry, clock, random: dice } = newer;
    // A rebuild would apply what never was.
    const before = await wrongIn(newer, last, ({ isNew, meters }) =>
      isNew ? { meters } : { distance: `${meters} m` },
    );
    const signal = new AbortController().signal;
    // For what the older program applied without the new column.
    await rebuild({ db, registry, projections: registry.projections, clock, random: dice, signal });
    const after = await wrongIn(newer, last, ({ meters }) => ({ meters }));
    const news = [...last.values()].filter(({ isNew }) => isNew).length;
    return {
      injected: `${EVENTS} events of two versions, mixed; ${parked} were too new for the older program`,
      seen: `before a rebuild ${news} of ${last.size} routes show a walk of the newer version, the others one of the older`,
      recoveredMs,
      lost: before.wrong + after.wrong,
      doubled: before.extra + after.extra,
    };
  },
};

/** What a route's row has to come from. */
interface LastWalk {
  readonly meters: number;
  readonly isNew: boolean;
  /** Walks of the newer version on this route. */
  readonly newerWalks: number;
}

/** Either program captures, at random. Returns each route's last walk. */
async function walkSome(older: App, newer: App, random: () => number): Promise<Map<string, LastWalk>> {
  const last = new Map<string, LastWalk>();
  for (let n = 1; n <= EVENTS; n += 1) {
    const subjectId = `route:${Math.floor(random() * ROUTES)}`;
    const isNew = random() < 0.5;
    const { store, registry } = isNew ? newer : older;
    const payload = isNew ? { meters: n } : { distance: `${n} m` };
    const event = { type: "walk.done", subject: "route", subjectId, payload };
    await ingest([event], { store, registry, now: () => new Date() });
    last.set(subjectId, { meters: n, isNew, newerWalks: (last.get(subjectId)?.newerWalks ?? 0) + Number(isNew) });
  }
  return last;
}

/** Rows that are not what their last walk says, in the column that it has to be told from, and rows of no walk. */
async function wrongIn(
  { db }: App,
  last: ReadonlyMap<string, LastWalk>,
  expected: (walk: LastWalk) => { readonly meters?: number; readonly distance?: string },
): Promise<{ wrong: number; extra: number }> {
  const rows = await db<{ id: string; meters: number | null; distance: string | null }[]>`
    select subject_id as id, meters, distance from lifestream.routes`;
  const wrong = [...last].filter(([id, walk]) => {
    const row = rows.find((one) => one.id === id);
    return !row || Object.entries(expected(walk)).some(([column, value]) => row[column as "meters"] !== value);
  });
  for (const [id, walk] of wrong) console.log(`    ${id} is not as of ${JSON.stringify(walk)}`);
  return { wrong: wrong.length, extra: rows.filter(({ id }) => !last.has(id)).length };
}

async function settle(world: Awaited<ReturnType<typeof createTestApp>>, app: App, done: () => Promise<boolean>) {
  const stages = allStages(app, { once: false });
  await world.runUntil(stages, async () => (await isApplied(app, GROUPS)) && (await done()), 60_000);
  return pipelineHealth(app);
}
