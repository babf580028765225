/**
 * `npm run test:adoption [-- --events N]`: a first system's database of 200,000 events moves in, as a person would do it:
 * looked at, migrated, everything started, verified, and forwarded once more; and a smaller one is killed at every step.
 * Says what it took; fails where a row is not as before, or migrating takes longer than a minute.
 */
import { parseArgs } from "node:util";
import { changedTables, checksums, presentColumns } from "../../src/adoption/checksums.ts";
import { ensureTopics } from "../../src/pipeline/topics.ts";
import { verify } from "../../src/rebuild/verify.ts";
import { allStages } from "../../src/stages.ts";
import { killLeftCommands, runCommand } from "../support/commands.ts";
import { buildFirstSystem } from "../support/first-system/build.ts";
import { startTestServers } from "../support/servers.ts";
import { settled } from "../support/settled.ts";
import { createTestApp, type TestApp } from "../support/test-app.ts";

const MIGRATED_WITHIN_S = 60;
const MINUTES = 60_000;
const KILL_POINTS = ["found", "ordered", "folded", "compared", "appended", "before-commit"];

const { values } = parseArgs({ options: { events: { type: "string" } } });
const events = Number(values.events ?? 200_000);
const { TEST_DATABASE_URL: databaseUrl, TEST_KAFKA_BROKERS: kafkaBrokers } = process.env;
const servers = await startTestServers({ databaseUrl, kafkaBrokers }, new AbortController().signal);
process.env.TEST_DATABASE_URL = servers.databaseUrl;
process.env.TEST_KAFKA_BROKERS = servers.kafkaBrokers;
let failed = 0;
try {
  await killEverywhere(Math.round(events / 10));
  await using world = await createTestApp({}, { bare: true });
  await moveIn(world);
} finally {
  await killLeftCommands();
  await servers.stop();
}
console.log(failed === 0 ? "\nall of it as it should be" : `\n${failed} not as it should be`);
process.exit(failed > 0 ? 1 : 0);

/** On a smaller one: killed at every step in turn, it moves in all the same. */
async function killEverywhere(size: number): Promise<void> {
  await using world = await createTestApp({}, { bare: true });
  const { db } = world.app;
  await buildFirstSystem(db, { events: size });
  const columns = await presentColumns(db);
  const before = await checksums(db, columns);
  for (const point of KILL_POINTS) {
    await timed(`killed at ${point}`, () => command(world, ["db:migrate"], { FAULT_AT: `adopt.${point}` }));
  }
  const { code } = await timed("and then not", () => command(world, ["db:migrate"]));
  check("it did not end well", code === 0 ? [] : [`exit code ${code}`]);
  check("rows changed by killing", changedTables(before, await checksums(db, columns)));
}

async function moveIn(world: TestApp): Promise<void> {
  const { db } = world.app;
  await timed("built", () => buildFirstSystem(db, { events }));
  const columns = await presentColumns(db);
  const before = await checksums(db, columns);
  const asBefore = async (what: string) => check(what, changedTables(before, await checksums(db, columns)));

  console.log((await timed("looked at", () => command(world, ["db:migrate", "--dry-run"]))).stdout);
  await asBefore("rows changed by looking");
  const { stdout, ms } = await timed("migrated", () => command(world, ["db:migrate"]));
  console.log(stdout);
  await asBefore("rows changed by adopting");
  check(`migrating took longer than ${MIGRATED_WITHIN_S} s`, ms > MIGRATED_WITHIN_S * 1_000 ? [`${ms} ms`] : []);

  await ensureTopics(world.app.log, world.app.registry.topics);
  await timed("everything ran", () => runAll(world));
  check("tables are not what the ledger gives", await timed("verified", () => differing(world)));
  await timed("forwarded again", async () => {
    const { code } = await command(world, ["kafka:reset", "--yes"]);
    check("the topics were not reset", code === 0 ? [] : [`exit code ${code}`]);
    await runAll(world);
  });
  check("tables are not what the ledger gives after a reset", await differing(world));
  check("work was done anew", await workDone(world));
  console.log((await triedAgain(world)).join("\n"));
}

function runAll(world: TestApp): Promise<void> {
  return world.runUntil(allStages(world.app, { once: false }), () => settled(world.app), 15 * MINUTES);
}

async function differing({ app }: TestApp): Promise<string[]> {
  const { registry, db, clock, random } = app;
  const { signal } = new AbortController();
  const report = await verify({ registry, projections: registry.projections, db, clock, random, signal });
  const told = report.tables.filter(({ differing: rows }) => rows > 0);
  return told.map(({ table, examples }) => `${table}: ${examples.join(" ")}`);
}

/** Nothing was read and nobody was asked: no event of an agent is younger than the adoption, but those of the publisher. */
async function workDone({ app }: TestApp): Promise<string[]> {
  const rows = await app.db<{ told: string }[]>`
    select concat_ws(' ', source, event_type, payload->>'error', count(*)) as told from lifestream.events
    where position > (select max(position) from lifestream.events where source = 'adoption')
      and source <> 'agent:publisher' group by source, event_type, payload->>'error'`;
  return rows.map(({ told }) => told);
}

/** What the publisher had to try again, and why: its deadline is short for a busy machine. */
async function triedAgain({ app }: TestApp): Promise<string[]> {
  const rows = await app.db<{ told: string }[]>`
    select count(*) || ' attempts to publish failed and were made again: ' || (payload->>'error') as told
    from lifestream.events where source = 'agent:publisher' and event_type = 'work.failed' group by payload->>'error'`;
  return rows.map(({ told }) => told);
}

function command(world: TestApp, args: readonly string[], more: Record<string, string> = {}) {
  return runCommand(args, { ...world.env, ...more }, { withinMs: 10 * MINUTES });
}

async function timed<T>(what: string, work: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  const result = await work();
  console.log(`── ${what}: ${((performance.now() - startedAt) / 1_000).toFixed(1)} s`);
  return result;
}

function check(what: string, wrong: readonly string[]): void {
  if (wrong.length === 0) return;
  failed += 1;
  console.log(`${what}: ${wrong.slice(0, 10).join(", ")}`);
}
