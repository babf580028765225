import { connect } from "../../src/adapters/postgres/connect.ts";
import type { Logger } from "../../src/engine/logger.ts";
import { runStages } from "../../src/runtime/service.ts";
import { createServerDeps, startServer } from "../../src/server.ts";
import { allStages } from "../../src/stages.ts";
import { startCommand } from "../support/commands.ts";
import { cpuSeconds } from "../support/cpu-seconds.ts";
import type { TestServers } from "../support/servers.ts";
import { createTestApp, until } from "../support/test-app.ts";

/** Everything that `npm start` runs, in this process, and a materializer as a process of its own. */
export interface Life extends AsyncDisposable {
  /** From here on: what is returned gives the lines that both have logged since. */
  listen(): () => string[];
  /** Seconds of processor time that each process has used so far. */
  cpuSeconds(): readonly number[];
  /** Adds a todo and waits until it stands in its table; fails when that takes too long. */
  flows(withinMs: number): Promise<void>;
}

const ASK_EVERY_MS = 1_000;
const DRAIN_MS = 10_000;

/** Begins one on these servers. */
export async function beginLife(env: Record<string, string>, servers: TestServers): Promise<Life> {
  const logged: string[] = [];
  const world = await createTestApp(env, { logger: noting(logged), servers });
  const { app } = world;
  const stop = new AbortController();
  const options = { signal: stop.signal, drainTimeoutMs: DRAIN_MS, logger: app.logger };
  const running = runStages(allStages(app, { once: false }), options);
  const server = await startServer({ ...createServerDeps(app), port: undefined });
  const apart = startCommand(["kafka:materialize"], world.env);
  const loggedApart = () => apart.printed().stderr.split("\n").filter(Boolean);
  await until(async () => loggedApart().some((line) => line.includes("kafka:materialize runs")));
  // As a supervisor does.
  const asking = setInterval(() => void fetch(`${server.url}/readyz`).catch(() => {}), ASK_EVERY_MS);
  return {
    listen() {
      const [here, there] = [logged.length, loggedApart().length];
      return () => [...logged.slice(here), ...loggedApart().slice(there)];
    },
    cpuSeconds: () => [process.pid, apart.pid].map(cpuSeconds),
    flows: (withinMs) => addTodo(world.env.DATABASE_URL ?? "", withinMs),
    async [Symbol.asyncDispose]() {
      clearInterval(asking);
      stop.abort();
      await Promise.all([running, apart.stop(), server.close()]);
      await world[Symbol.asyncDispose]();
    },
  };
}

function noting(lines: string[]): Logger {
  const note = (message: string, fields: object = {}) => void lines.push(`${message} ${JSON.stringify(fields)}`);
  const logger: Logger = { debug() {}, info: note, warn: note, error: note, child: () => logger };
  return logger;
}

async function addTodo(databaseUrl: string, withinMs: number): Promise<void> {
  const id = `todoist:${crypto.randomUUID()}`;
  const db = connect({ url: databaseUrl, name: "test", maxConnections: 1 });
  try {
    await db`
      insert into lifestream.events (occurred_at, source, subject, subject_id, event_type, payload)
      values (now(), 'test', 'todo', ${id}, 'todo.created', '{"title": "a todo"}')`;
    const stands = async () => (await db`select 1 from lifestream.todos where subject_id = ${id}`).length > 0;
    await until(stands, withinMs);
  } finally {
    await db.end();
  }
}
