/** Each process under its own role in Postgres: that it can do its part, and nothing else. */
import { afterAll, expect, test } from "bun:test";
import { createTokens } from "../../src/adapters/postgres/tokens.ts";
import { messageOf } from "../../src/engine/errors.ts";
import { rebuild } from "../../src/rebuild/rebuild.ts";
import { isSound, verify } from "../../src/rebuild/verify.ts";
import { createServerDeps, pipelineHealth, startServer } from "../../src/server.ts";
import { killLeftCommands, runCommand } from "../support/commands.ts";
import { createDatabaseLogins, type DatabaseLogins } from "../support/database-logins.ts";
import { stateDigest } from "../support/digest.ts";
import { DEAD_HOST, idOf, mixedLinks } from "../support/link-mix.ts";
import { servePages, type TestPages } from "../support/pages.ts";
import { roleStages } from "../support/role-stages.ts";
import { expectSameEnd } from "../support/same-end.ts";
import { settled } from "../support/settled.ts";
import { createTestApp, type TestApp } from "../support/test-app.ts";

const TEST_MS = 60_000;
const LINKS = 10;
const AGENTS = ["fetcher", "enricher", "publisher"];
const STAGES = [
  ["relay", "kafka:publish"],
  ["router", "router"],
  ["materializer", "kafka:materialize"],
] as const;

afterAll(killLeftCommands);

test(
  "given a role for each process, when links, todos and readings flow through Kafka, then all ends as under the owner",
  async () => {
    await using pages = await servePages();
    await using world = await createTestApp({ FETCH_ALLOW_HOSTS: `${pages.host},${DEAD_HOST}` });
    await using logins = await createDatabaseLogins(world);
    await expectWholePipeline(world, logins, pages);
  },
  TEST_MS,
);

test(
  "given the log in Postgres and row-level security on every table, when all flows and the log is reset, then too",
  async () => {
    await using pages = await servePages();
    const env = { STREAM_TRANSPORT: "embedded", KAFKA_BROKERS: "", FETCH_ALLOW_HOSTS: `${pages.host},${DEAD_HOST}` };
    await using world = await createTestApp(env);
    await secureRows(world);
    await using logins = await createDatabaseLogins(world);
    await expectWholePipeline(world, logins, pages);

    const { db, registry, clock, random } = logins.app("reader");
    const signal = new AbortController().signal;
    const folding = { db, registry, projections: registry.projections, clock, random, signal };
    expect(isSound(await verify(folding))).toBe(true);
    expect(await rebuild(folding).catch(messageOf)).toContain("permission denied");
    const before = await stateDigest(world.app);
    const reset = await runCommand(["kafka:reset", "--yes"], logins.env("admin"));
    expect(reset).toMatchObject({ code: 0, stderr: "" });
    const once = (role: string, command: string) => runCommand([command, "--once"], logins.env(role));
    for (const [role, command] of STAGES) expect(await once(role, command)).toMatchObject({ code: 0 });
    const agents = await Promise.all(AGENTS.map((name) => once(name, `agent:${name}`)));
    expect(agents.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(await settled(world.app)).toBe(true);
    expect(await stateDigest(world.app)).toEqual(before);
  },
  TEST_MS,
);

/** Every stage, the web server, a program that captures by SQL and one that looks, each under its own login. */
async function expectWholePipeline(world: TestApp, logins: DatabaseLogins, pages: TestPages): Promise<void> {
  const urls = mixedLinks(pages, LINKS);
  const token = await createTokens(logins.app("admin").db).create("phone", ["admin"]);
  const server = await startServer({ ...createServerDeps(logins.app("web")), port: undefined });
  const ask = async (path: string, body?: unknown) => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const init = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
    return (await fetch(server.url + path, { ...init, headers })).status;
  };
  try {
    await captureBySql(logins, idOf(urls[0] ?? ""));
    for (const url of urls) expect(await ask("/api/links", { url })).toBe(201);
    await world.runUntil(roleStages(logins), () => settled(world.app), TEST_MS);
    for (const path of ["/", "/status", "/api/status"]) expect(await ask(path)).toBe(200);
  } finally {
    await server.close();
  }
  await expectSameEnd(world, pages, urls);
  expect(await world.app.db`select title, status from lifestream.todos`).toEqual([
    { title: "Buy milk", status: "done" },
  ] as never);
  expect(await world.app.db`select note from lifestream.annotations`).toEqual([{ note: "!" }] as never);
  expect(await world.app.db`select celsius from lifestream.temperature_latest`).toEqual([{ celsius: 21.5 }] as never);
  const health = await pipelineHealth(logins.app("reader"));
  expect(health.stages.map(({ lag }) => lag)).toEqual(health.stages.map(() => 0));
}

/** As other writers do; a note on a link that is not there yet has to wait for it. */
async function captureBySql(logins: DatabaseLogins, link: string): Promise<void> {
  const { db } = logins.app("capture");
  const insert = (subject: string, id: string, type: string, payload: object) => db`
    insert into lifestream.events (occurred_at, source, subject, subject_id, event_type, payload)
    values (now(), 'phone', ${subject}, ${id}, ${type}, ${db.json(payload as never)})`;
  const id = crypto.randomUUID();
  await insert("annotation", `anno:${id}`, "annotation.added", { annotation_id: id, link_subject_id: link, note: "!" });
  await insert("todo", "todoist:1", "todo.created", { title: "Buy milk" });
  await insert("todo", "todoist:1", "todo.completed", {});
  await insert("sensor", "sensor:attic", "temp.reading_recorded", { celsius: 21.5 });
}

/** As hosted databases have it. */
async function secureRows({ app: { db } }: TestApp): Promise<void> {
  const tables = await db<{ name: string }[]>`select tablename as name from pg_tables where schemaname = 'lifestream'`;
  for (const { name } of tables) await db.unsafe(`alter table lifestream.${name} enable row level security`);
}
