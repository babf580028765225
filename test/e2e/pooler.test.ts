/** An adopted database behind a transaction pooler, PgBouncer: no LISTEN, no session that is ours; every command works. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Ended, killLeftCommands, runCommand, startCommand } from "../support/commands.ts";
import { buildFirstSystem } from "../support/first-system/build.ts";
import { servePages, type TestPages } from "../support/pages.ts";
import { hasPgBouncer, startPgBouncer } from "../support/pgbouncer.ts";
import { skippedFor } from "../support/required.ts";
import { createTestApp, type TestApp, until } from "../support/test-app.ts";

const TEST_MS = 120_000;
const tried = test.skipIf(skippedFor(hasPgBouncer ? null : "PgBouncer"));
if (!hasPgBouncer) console.warn("PgBouncer is not installed: what goes through a pooler is not tried here");

let world: TestApp;
let pages: TestPages;
let env: Record<string, string>;
const disposing = new AsyncDisposableStack();

beforeAll(async () => {
  if (!hasPgBouncer) return;
  pages = disposing.use(await servePages());
  world = disposing.use(await createTestApp({ FETCH_ALLOW_HOSTS: pages.host }, { bare: true }));
  await buildFirstSystem(world.app.db, { events: 150 });
  const pooler = disposing.use(await startPgBouncer(world.app.databaseUrl));
  env = { ...world.env, DATABASE_URL: pooler.url };
}, TEST_MS);

afterAll(async () => {
  await killLeftCommands();
  await disposing.disposeAsync();
}, TEST_MS);

async function run(...args: string[]): Promise<Ended> {
  const ended = await runCommand(args, env);
  expect({ args, code: ended.code, error: ended.code === 0 ? "" : ended.stderr }).toEqual({ args, code: 0, error: "" });
  return ended;
}

async function drained(): Promise<void> {
  const stages = ["kafka:publish", "router", "agent:fetcher", "agent:enricher", "agent:publisher", "kafka:materialize"];
  const isPublished = async () =>
    (await world.app.db`select from lifestream.links where url like ${`${pages.origin}%`} and status = 'published'`)
      .length === 1;
  const running = stages.map((stage) => startCommand([stage], env));
  await until(isPublished, TEST_MS);
  for (const { code } of await Promise.all(running.map((command) => command.stop()))) expect(code).toBe(0);
}

tried(
  "given an adopted database behind a pooler, when each command is run, then it works",
  async () => {
    await run("db:migrate", "--dry-run");
    await run("db:migrate");
    await run("kafka:init");
    await run("add", "link", `${pages.origin}/ok/pooled`, "--public");
    await drained();
    for (const stage of ["kafka:publish", "router", "kafka:materialize"]) await run(stage, "--once");
    expect((await run("status")).stdout).toMatch(/slower/);
    expect((await run("show", `${pages.origin}/ok/pooled`)).stdout).toContain("published");
    await Promise.all([
      run("dlq", "list"),
      run("retry:failed", "--dry-run"),
      run("recover:stuck", "--dry-run"),
      run("clean:link", `${pages.origin}/ok/pooled`, "--dry-run"),
      run("admin:set-visibility", "private", "--all", "--dry-run"),
      run("token", "create", "phone"),
      run("kafka:wait"),
    ]);
    expect((await runCommand(["doctor"], env)).stdout).toMatch(/a transaction pooler, no LISTEN/);
    await run("verify");
    await run("rebuild", "--all");
    await run("kafka:reset", "--yes");
  },
  TEST_MS,
);
