/** The log in Postgres instead of Kafka: the same pipeline, the same processes, the same end. */
import { afterAll, expect, test } from "bun:test";
import { type App, openApp } from "../../src/app.ts";
import { loadConfig } from "../../src/config.ts";
import { rolesOfDatabase } from "../../src/database-roles.ts";
import { linkAddedEvent } from "../../src/domains/links/index.ts";
import type { NewEvent } from "../../src/engine/event.ts";
import { silentLogger } from "../../src/engine/logger.ts";
import { ingest } from "../../src/pipeline/ingest.ts";
import { ensureTopics } from "../../src/pipeline/topics.ts";
import { allStages, materializerStages, relayStage } from "../../src/stages.ts";
import { killLeftCommands, type Running, runCommand, startCommand } from "../support/commands.ts";
import { stateDigest } from "../support/digest.ts";
import { DEAD_HOST, expectedStatuses, mixedLinks, statuses } from "../support/link-mix.ts";
import { servePages } from "../support/pages.ts";
import { expectSameEnd } from "../support/same-end.ts";
import { isApplied, settled } from "../support/settled.ts";
import { createTestApp, type TestApp, until } from "../support/test-app.ts";

const TEST_MS = 150_000;
const EMBEDDED = { STREAM_TRANSPORT: "embedded" };
/** Nobody may be asked for anything there. */
const NO_KAFKA = { ...EMBEDDED, KAFKA_BROKERS: "" };
const LINKS = 60;
const PAGE_MS = 30;
const READINGS = 2_000;
const TWICE = ["router", "kafka:materialize", "agent:fetcher"];
const ONCE = ["kafka:publish", "agent:enricher", "agent:publisher"];

afterAll(killLeftCommands);

test(
  "given two processes of a stage without any Kafka, each under its role, when one of each is killed under load, then its share moves and nothing is lost",
  async () => {
    await using pages = await servePages({ delayMs: PAGE_MS });
    await using world = await createTestApp({ ...NO_KAFKA, FETCH_ALLOW_HOSTS: `${pages.host},${DEAD_HOST}` });
    const logins = await world.logins();
    const roles = await rolesOfDatabase(world.app, true);
    const roleOf = (stage: string) => roles.find(({ commands }) => commands.includes(stage))?.name ?? "";
    const start = (stage: string) => startCommand([stage], logins.env(roleOf(stage)));
    const killed = TWICE.map(start);
    const left: Running[] = [...TWICE, ...ONCE].map(start);
    for (const group of ["router-v1", "materializer-v1", "fetcher-agent-v2"]) {
      await until(async () => (await shares(world, group)).join() === "1,2", TEST_MS);
    }
    const urls = mixedLinks(pages, LINKS);
    await add(world.app, [...linksOf(urls), ...readings()]);
    await until(async () => pages.requests.size >= LINKS / 6, TEST_MS);
    expect(await settled(world.app)).toBe(false);
    for (const process of killed) await process.kill();

    await until(async () => (await shares(world, "materializer-v1")).join() === "3", TEST_MS);
    await until(() => settled(world.app), TEST_MS);
    await expectSameEnd(world, pages, urls);
    const [applied] = await world.app.db`select count(*) as n from lifestream.temperature_readings`;
    expect(applied?.n).toBe(READINGS);
    for (const process of left) expect((await process.stop()).code).toBe(0);
    expect(await world.app.db`select 1 from lifestream.log_members where expires_at > now()`).toHaveLength(0);
  },
  TEST_MS,
);

test(
  "given a life on Kafka, when it goes on in Postgres and then on Kafka again, then nothing is lost and no page is read twice",
  async () => {
    await using pages = await servePages();
    await using world = await createTestApp({ FETCH_ALLOW_HOSTS: `${pages.host},${DEAD_HOST}` });
    await using embedded = await sameLifeOn(world, EMBEDDED);
    const urls = mixedLinks(pages, 30);
    const phases = [
      { app: world.app, added: urls.slice(0, 10) },
      { app: embedded, added: urls.slice(10, 20) },
      { app: world.app, added: urls.slice(20, 30) },
    ];
    for (const [n, { app, added }] of phases.entries()) {
      await add(app, linksOf(added));
      // Each but the last is left amid its work: events unsent, work unsent, in the topic and under way.
      const asked = pages.requests.size;
      const amid = async () => pages.requests.size >= asked + 2;
      await world.runUntil(allStages(app, { once: false }), n < phases.length - 1 ? amid : () => settled(app), 60_000);
      await add(app, linksOf([`${pages.origin}/ok/between-${n}`]));
    }
    await world.runUntil(allStages(world.app, { once: false }), () => settled(world.app), 60_000);
    urls.push(...phases.map((_, n) => `${pages.origin}/ok/between-${n}`));
    expect(await statuses(world.app)).toEqual(expectedStatuses(urls));
    const rows = await world.app.db<{ url: string; attempt: number }[]>`
      select payload->>'url' as url, attempt from lifestream.work where work_type = 'fetch_link'`;
    for (const { url, attempt } of rows.filter((row) => row.url.startsWith(pages.origin))) {
      expect(pages.requests.get(new URL(url).pathname)).toBe(attempt);
    }
    expect(await stateDigest(world.app)).toEqual(await foldedFromNothing(world, embedded));
  },
  TEST_MS,
);

test(
  "given the log in Postgres, when the commands for Kafka are run, then they work on it or say why there is nothing to do",
  async () => {
    await using world = await createTestApp(NO_KAFKA, { bare: true });
    const run = (...args: string[]) => runCommand(args, world.env);
    expect((await run("db:migrate")).code).toBe(0);
    expect((await run("router", "--once")).stderr).toContain("the log in Postgres lacks events.raw");
    expect((await run("kafka:init")).stdout).toContain("events.raw");
    expect((await run("kafka:init")).stdout).toMatch(/events\.raw\s+unchanged/);
    expect(await run("kafka:wait")).toMatchObject({
      code: 0,
      stdout: "the log is in Postgres (STREAM_TRANSPORT says so): there is no Kafka to wait for\n",
    });
    await add(world.app, readings().slice(0, 10));
    expect((await run("kafka:publish", "--once")).code).toBe(0);
    expect((await run("kafka:reset", "--yes")).stdout).toContain("10 events flow again");
    for (const stage of ["kafka:publish", "router", "kafka:materialize"]) {
      expect(await run(stage, "--once")).toMatchObject({ code: 0 });
    }
    const status = await run("status");
    expect(status.stdout).toMatch(/Log +embedded, tables in Postgres +STREAM_TRANSPORT says so/);
    expect(status.stdout).toMatch(/materializer +events\.raw +caught up/);
    expect(status.stdout).toMatch(/not yet in the log +0/);
    expect(status.stdout).not.toContain("Kafka");

    await world.app.db`alter table lifestream.log_topics rename to log_topics_gone`;
    const without = await run("status");
    expect(without.code).toBe(0);
    expect(without.stdout).toMatch(
      /Log .*the log in Postgres cannot be read: Postgres says no \(relation .*log_topics/,
    );
    expect(without.stdout).toMatch(/materializer +events\.raw +unknown: the log in Postgres cannot be read/);
    expect(without.stdout).not.toContain("Kafka");
  },
  TEST_MS,
);

test(
  "given a machine without Java and Docker, when everything is started, then the log is in Postgres, and a line says why",
  async () => {
    const nowhere = "/nowhere";
    await using world = await createTestApp({ KAFKA_BROKERS: "", PATH: nowhere, JAVA_HOME: nowhere }, { bare: true });
    const start = startCommand(["start"], world.env);
    await start.said(/^ready +http/m);
    expect(start.printed().stdout).toMatch(
      /^transport +embedded, tables in Postgres \(no Java 17 and no Docker here; for Kafka install Java 17 and Maven, or Docker\)$/m,
    );
    expect((await start.stop()).code).toBe(0);
  },
  TEST_MS,
);

const linksOf = (urls: readonly string[]) =>
  urls.map((url) => linkAddedEvent({ url, source: "test", visibility: "public" }));

function readings(): NewEvent[] {
  return Array.from({ length: READINGS }, (_, n) => {
    const occurredAt = new Date(Date.UTC(2026, 0, 1) + n * 1_000).toISOString();
    return {
      type: "temp.reading_recorded",
      subject: "sensor",
      subjectId: `sensor:${n % 20}`,
      occurredAt,
      payload: { celsius: n % 30 },
    };
  });
}

async function add({ store, registry }: App, events: readonly NewEvent[]): Promise<void> {
  await ingest(events, { store, registry, now: () => new Date() });
}

/** How many partitions each live member of a group owns, fewest first. */
async function shares({ app }: TestApp, group: string): Promise<number[]> {
  const rows = await app.db<{ owned: number }[]>`
    select count(s.partition_id)::int as owned
    from lifestream.log_members m left join lifestream.log_shares s on s.member = m.id
    where m.group_name = ${group} group by m.id order by 1`;
  return rows.map(({ owned }) => owned);
}

/** The same database under another configuration, its topics made. */
async function sameLifeOn(world: TestApp, env: Record<string, string>): Promise<App> {
  const config = loadConfig({ ...world.env, ...env }, world.app.config.home);
  const { databaseUrl } = world.app;
  const options = { config, databaseUrl, kafkaBrokers: [], logger: silentLogger };
  const app = await openApp({ ...options, name: "same life", withAgents: true });
  await ensureTopics(app.log, app.registry.topics);
  return app;
}

/** What the state tables hold when they are emptied and the whole ledger flows once more, through this app's log. */
async function foldedFromNothing(world: TestApp, app: App): Promise<Record<string, string>> {
  const tables = ["subjects", ...app.registry.projections.flatMap((projection) => projection.tables)];
  for (const table of new Set(tables)) await app.db`truncate ${app.db(`lifestream.${table}`)} cascade`;
  const stages = [relayStage(app, { once: false }), ...materializerStages(app, { once: false })];
  const [before] = await app.db`select generation from lifestream.outbox_batch`;
  const again = async () => {
    const [now] = await app.db`select generation from lifestream.outbox_batch`;
    return now?.generation > before?.generation && (await isApplied(app, ["materializer-v1"]));
  };
  await world.runUntil(stages, again, 60_000);
  return stateDigest(app);
}
