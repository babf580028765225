import { afterAll, beforeAll, expect, test } from "bun:test";
import { createTestApp, type TestApp } from "../test/support/test-app.ts";
import { createTokens } from "./adapters/postgres/tokens.ts";
import { openApp } from "./app.ts";
import { silentLogger } from "./engine/logger.ts";
import { addressOf, createServerDeps, pipelineHealth, type RunningServer, readModelOf, startServer } from "./server.ts";
import { allStages } from "./stages.ts";

let world: TestApp;
let server: RunningServer;

beforeAll(async () => {
  world = await createTestApp();
  server = await startServer({ ...createServerDeps(world.app), port: undefined });
}, 60_000);
afterAll(async () => {
  await server.close();
  await world[Symbol.asyncDispose]();
}, 60_000);

async function send(path: string, token: string, body?: unknown) {
  const init = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const response = await fetch(server.url + path, { ...init, headers });
  return { status: response.status, body: await response.json() };
}

const tokens = () => createTokens(world.app.db);

test("given a token, when used, then it may what its scope says until it is revoked, and only its hash is kept", async () => {
  const token = await tokens().create("phone", ["capture"]);
  expect(token).toMatch(/^sa_[A-Za-z0-9_-]{43}$/);
  const stored = await world.app.db`select token_hash::text as hash, last_used_at from lifestream.api_tokens`;
  expect(JSON.stringify(stored)).not.toContain(token);
  expect((await send("/api/links", token, { url: "http://127.0.0.1:9/x" })).status).toBe(201);
  expect((await send("/api/status", token)).status).toBe(403);
  expect((await tokens().list())[0]?.lastUsedAt).not.toBeNull();
  await expect(tokens().create("phone", ["read"])).rejects.toThrow('a token named "phone" exists');
  await tokens().revoke("phone");
  expect((await send("/api/links", token, { url: "http://127.0.0.1:9/x" })).status).toBe(401);
  await expect(tokens().revoke("phone")).rejects.toThrow('no token named "phone"');
});

test.each([
  ["", ["capture"]],
  ["a b", ["capture"]],
  ["ok", ["everything"]],
  ["ok", []],
])("given the name %p and scopes %j, when a token is asked for, then it is refused", async (name, scopes) => {
  await expect(tokens().create(name, scopes)).rejects.toMatchObject({ exitCode: 2 });
});

test("given a link that cannot be fetched, when the pipeline ran, then pages and JSON tell its whole chain", async () => {
  const token = await tokens().create("admin", ["admin"]);
  const { body } = await send("/api/links", token, { url: "http://127.0.0.1:9/<b>&x" });
  const path = `/links/${body.subject_id}`;
  await world.runUntil(allStages(world.app, { once: false }), async () => {
    const { body: found } = await send(`/api${path}`, token);
    return found.link?.work?.status === "dead";
  });
  const { link, steps } = (await send(`/api${path}`, token)).body;
  expect(link).toMatchObject({ status: "error", visibility: "private", source: "admin" });
  expect(steps[0]).toMatchObject({ kind: "event", event: { type: "link.added" } });
  expect(steps[1]).toMatchObject({
    kind: "work",
    work: { type: "fetch_link", status: "dead" },
    cause: { type: "link.added" },
  });
  expect(steps[1].failures).toHaveLength(steps[1].work.attempt);
  const list = await (await fetch(`${server.url}/?status=error`)).text();
  const page = await (await fetch(server.url + path)).text();
  for (const text of [list, page]) {
    expect(text).toContain("given up after");
    expect(text).not.toContain("<b>&x");
  }
}, 60_000);

test("given more links than a page has, when leafed through, then each comes once, newest first", async () => {
  const token = await tokens().create("many", ["capture"]);
  const events = Array.from({ length: 70 }, (_, n) => ({
    event_type: "link.added",
    subject_id: `link:${String(n).padStart(16, "0")}`,
    payload: { url: `http://127.0.0.1:9/many/${n}`, url_norm: `http://127.0.0.1:9/many/${n}` },
    occurred_at: new Date(Date.UTC(2020, 0, 1, 0, 0, Math.floor(n / 3))).toISOString(),
  }));
  expect((await send("/api/events", token, events)).body.events).toHaveLength(70);
  await world.runUntil(allStages(world.app, { once: false }), async () => {
    const [row] = await world.app.db<
      { n: number }[]
    >`select count(*) as n from lifestream.links where url like '%/many/%'`;
    return row?.n === 70;
  });
  const seen: string[] = [];
  for (let path: string | undefined = "/"; path; ) {
    const text: string = await (await fetch(server.url + path)).text();
    seen.push(...[...text.matchAll(/<li id="(link:0{10}[^"]*)"/g)].map((match) => match[1] ?? ""));
    path = /rel="next" href="([^"]*)"/.exec(text)?.[1]?.replaceAll("&amp;", "&");
  }
  expect(seen).toHaveLength(70);
  expect(new Set(seen).size).toBe(70);
  expect(seen[0]).toBe("link:0000000000000069");
}, 60_000);

test("given a sensor, when shown, then its rows and events are found in whatever table they are", async () => {
  const token = await tokens().create("sensor", ["capture"]);
  const reading = { event_type: "temp.reading_recorded", subject_id: "sensor:attic", payload: { celsius: 3.5 } };
  await send("/api/events", token, reading);
  const tables = async () =>
    (await readModelOf(world.app).history("sensor:attic"))?.state.map(({ table }) => table) ?? [];
  await world.runUntil(allStages(world.app, { once: false }), async () =>
    (await tables()).includes("temperature_latest"),
  );
  expect(await tables()).toEqual(["temperature_readings", "temperature_latest"]);
  expect(await readModelOf(world.app).history("sensor:nowhere")).toBeNull();
}, 60_000);

test("given a page's query, when it tries to write, then Postgres refuses", async () => {
  const writing = readModelOf(world.app).read((sql) => sql`delete from lifestream.links`);
  await expect(writing).rejects.toThrow("read-only transaction");
});

test("given a pipeline that stands still, when health is asked for, then it is caught up and names no password", async () => {
  const { servers, stages, ledger } = await pipelineHealth(world.app);
  expect(servers.kafkaProblem).toBeNull();
  expect(stages.map(({ stage }) => stage)).toEqual(["router", "materializer", "fetcher", "enricher", "publisher"]);
  expect(stages.every(({ lag }) => lag !== null)).toBe(true);
  expect(ledger).toMatchObject({ exact: true });
  expect(addressOf("postgres://me:secret@db.example.com/life?sslmode=require")).toBe("db.example.com:5432/life");
});

test("given Kafka is away, when health is asked for, then it says so in time and tells the rest", async () => {
  const { config, databaseUrl } = world.app;
  await using app = await openApp({
    config,
    databaseUrl,
    kafkaBrokers: ["127.0.0.1:9"],
    logger: silentLogger,
    name: "no kafka",
    withAgents: true,
  });
  const started = performance.now();
  const health = await pipelineHealth(app);
  expect(performance.now() - started).toBeLessThan(3_500);
  expect(health.servers.kafkaProblem).toStartWith("Kafka cannot be reached");
  expect(health.stages.every(({ lag }) => lag === null)).toBe(true);
  expect(health.ledger.events).toBeGreaterThan(0);
  const ready = await createServerDeps(app).ready();
  expect([ready.postgres, ready.kafka === null]).toEqual([null, false]);
});

test("given a taken port, when the server starts, then one sentence says so", async () => {
  const port = Number(new URL(server.url).port);
  await expect(startServer({ ...createServerDeps(world.app), port })).rejects.toThrow(
    `port ${port} for the web page is taken`,
  );
});
