import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "../../src/adapters/postgres/connect.ts";
import { migrate } from "../../src/adapters/postgres/migrate.ts";
import { type App, type AppOptions, allMigrations, openApp } from "../../src/app.ts";
import { loadConfig } from "../../src/config.ts";
import { silentLogger } from "../../src/engine/logger.ts";
import type { TopicDefinition } from "../../src/engine/topics.ts";
import { ensureTopics } from "../../src/pipeline/topics.ts";
import { runStages, type Stage } from "../../src/runtime/service.ts";
import { createDatabaseLogins, type DatabaseLogins } from "./database-logins.ts";
import { roleStages } from "./role-stages.ts";
import { type TestServers, testServers } from "./servers.ts";

/** An app on a database and topics of its own, in a folder of its own; disposing it takes them away again. */
export interface TestApp extends AsyncDisposable {
  readonly app: App;
  /** The environment that commands need to work on the same servers, database and topics. */
  readonly env: Record<string, string>;
  /** All stages, each under its own role in Postgres; of a program with other domains, or another logger, where given. */
  stages(other?: Partial<Pick<AppOptions, "domains" | "logger">>): Promise<Stage[]>;
  /** Those of them that have these names. */
  some(...names: readonly string[]): Promise<Stage[]>;
  /** The logins that `stages` use, made when they are first asked for. */
  logins(): Promise<DatabaseLogins>;
  /** Runs stages until `done` is true; fails after `withinMs`. Always drains. */
  runUntil(
    stages: readonly Stage[] | Promise<readonly Stage[]>,
    done: () => Promise<boolean>,
    withinMs?: number,
  ): Promise<void>;
}

/**
 * Makes a fresh database, migrated, and fresh topics under a prefix of their own. `bare`: the database is empty, and
 * the topics are left to be made. `partitions`: of each topic that is usually made with several. `servers`: others than all
 * tests have.
 */
export async function createTestApp(
  env: Record<string, string> = {},
  {
    bare = false,
    partitions,
    servers: given,
    ...options
  }: Partial<Pick<AppOptions, "domains" | "withAgents" | "logger" | "telemetry">> & {
    bare?: boolean;
    partitions?: number;
    servers?: TestServers;
  } = {},
): Promise<TestApp> {
  const servers = given ?? (await testServers());
  const name = `t_${crypto.randomUUID().replaceAll("-", "").slice(0, 16)}`;
  await onServer(servers.databaseUrl, `create database ${name}`);
  const home = mkdtempSync(join(tmpdir(), "stream-home-"));
  const url = new URL(servers.databaseUrl);
  url.pathname = `/${name}`;
  const complete = {
    DATABASE_URL: url.href,
    KAFKA_BROKERS: servers.kafkaBrokers,
    KAFKA_TOPIC_PREFIX: `${name}.`,
    STREAM_HOME: home,
    RETRY_BASE_MS: "50",
    RETRY_CAP_MS: "200",
    ...env,
  };
  const config = loadConfig(complete, home);
  const app = await openApp({
    config,
    databaseUrl: url.href,
    kafkaBrokers: config.kafka.brokers,
    logger: silentLogger,
    name: "test",
    withAgents: true,
    ...options,
  });
  if (!bare) {
    await migrate(app.db, await allMigrations(app.registry));
    await ensureTopics(
      app.log,
      app.registry.topics.map((topic) => widened(topic, partitions)),
    );
  }
  const logins: Promise<DatabaseLogins>[] = [];
  let shared: Promise<DatabaseLogins> | undefined;
  const loginsFor = (other = {}) => {
    const made = createDatabaseLogins({ app, env: complete }, { ...options, ...other });
    logins.push(made);
    return made;
  };
  // Only when asked: a database that is bare at first has its tables by then.
  const own = () => {
    shared ??= loginsFor();
    return shared;
  };
  const stages: TestApp["stages"] = async (other) => roleStages(await (other ? loginsFor(other) : own()));
  return {
    app,
    env: complete,
    stages,
    async some(...names) {
      const all = await stages();
      const unknown = names.find((name) => !all.some((stage) => stage.name === name));
      if (unknown) throw new Error(`there is no stage ${unknown}: ${all.map(({ name }) => name).join(", ")}`);
      return all.filter(({ name }) => names.includes(name));
    },
    logins: own,
    runUntil: async (stages, done, withinMs = 30_000) => runUntil(await stages, done, withinMs),
    async [Symbol.asyncDispose]() {
      for (const made of logins) await (await made)[Symbol.asyncDispose]();
      await app.log.deleteTopics(app.registry.topics.map((topic) => topic.name)).catch(() => {});
      await app[Symbol.asyncDispose]();
      await onServer(servers.databaseUrl, `drop database ${name} with (force)`);
      rmSync(home, { recursive: true, force: true });
    },
  };
}

function widened(topic: TopicDefinition, partitions = topic.partitions): TopicDefinition {
  return topic.partitions > 1 ? { ...topic, partitions } : topic;
}

async function onServer(databaseUrl: string, statement: string): Promise<void> {
  const db = connect({ url: databaseUrl, name: "test admin", maxConnections: 1 });
  await db.unsafe(statement);
  await db.end();
}

const POLL_MS = 50;

async function runUntil(stages: readonly Stage[], done: () => Promise<boolean>, withinMs: number): Promise<void> {
  const stop = new AbortController();
  const running = runStages(stages, { signal: stop.signal, drainTimeoutMs: 10_000, logger: silentLogger });
  const failed = running.then(
    () => {},
    (error) => {
      throw error;
    },
  );
  try {
    await Promise.race([failed, until(done, withinMs)]);
  } finally {
    stop.abort();
    await running.catch(() => {});
  }
}

/** Polls until a condition holds; fails when it does not within the time given. */
export async function until(condition: () => Promise<boolean>, withinMs = 30_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > deadline)
      throw new Error(`the condition did not come true within ${withinMs} ms: ${condition}`);
    await Bun.sleep(POLL_MS);
  }
}
