import { afterAll, beforeAll, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { openApp } from "../../src/app.ts";
import { linkAddedEvent } from "../../src/domains/links/index.ts";
import { silentLogger } from "../../src/engine/logger.ts";
import { type Observability, openObservability } from "../../src/observability.ts";
import { ingest } from "../../src/pipeline/ingest.ts";
import { createServerDeps, type RunningServer, startServer } from "../../src/server.ts";
import { allStages } from "../../src/stages.ts";
import { servePages, type TestPages } from "../support/pages.ts";
import { settled } from "../support/settled.ts";
import { createTestApp, type TestApp } from "../support/test-app.ts";

const root = join(import.meta.dirname, "../..");
const text = (path: string) => readFileSync(join(root, path), "utf8");

let pages: TestPages;
let world: TestApp;
let observed: Observability;
let app: TestApp["app"];
let server: RunningServer;
let scrape: string;

/** Everything in one process, as `npm start` has it; then one link that is published and one that is not there. */
beforeAll(async () => {
  pages = await servePages();
  world = await createTestApp({ FETCH_ALLOW_HOSTS: pages.host });
  const { config, databaseUrl, kafkaBrokers } = world.app;
  observed = await openObservability({ config, logger: silentLogger, program: "start", asked: true });
  const { telemetry } = observed;
  app = await openApp({
    config,
    databaseUrl,
    kafkaBrokers,
    telemetry,
    logger: silentLogger,
    name: "start",
    withAgents: true,
  });
  server = await startServer({ ...createServerDeps(app, observed), port: undefined });
  const events = ["/ok/measured", "/404/measured"].map((path) =>
    linkAddedEvent({ url: `${pages.origin}${path}`, source: "test", visibility: "private" }),
  );
  await ingest(events, { store: app.store, registry: app.registry, now: () => new Date(), telemetry });
  const done = () => settled(world.app);
  await world.runUntil(allStages(app, { once: false }), async () => {
    if (!(await done())) return false;
    scrape = await (await fetch(`${server.url}/metrics`)).text();
    return true;
  });
}, 90_000);
afterAll(async () => {
  await server.close();
  await app[Symbol.asyncDispose]();
  await observed[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
  await pages[Symbol.asyncDispose]();
}, 60_000);

const sample = (series: string): number | undefined => {
  const line = scrape.split("\n").find((candidate) => candidate.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
};

test("given two links on their way, when scraped, then each hop was counted once and timed", () => {
  expect(sample('stream_events_captured_total{event_type="link.added"}')).toBe(2);
  expect(sample('stream_events_forwarded_total{event_type="link.added"}')).toBe(2);
  expect(sample('stream_events_materialized_total{event_type="publish.completed"}')).toBe(1);
  expect(sample("stream_event_latency_seconds_count")).toBe(6);
  expect(sample('stream_work_claimed_total{work_type="fetch_link"}')).toBe(2);
  expect(sample('stream_work_dispatched_total{work_type="enrich_link"}')).toBe(1);
  expect(sample('stream_work_dead_letters_total{work_type="fetch_link"}')).toBe(1);
  expect(sample('stream_attempts_total{agent="fetcher",outcome="failed",error_class="http_4xx"}')).toBe(1);
  expect(sample('stream_attempts_total{agent="publisher",outcome="done",error_class=""}')).toBe(1);
  expect(sample('stream_http_fetch_duration_seconds_count{outcome="ok"}')).toBe(1);
  expect(sample('stream_records_handled_total{stage="router"}')).toBe(6);
  expect(sample('stream_attempts_running{agent="fetcher"}')).toBe(0);
  expect(sample('stream_attempts_limit{agent="fetcher"}')).toBe(8);
  expect(sample('stream_group_reading{stage="materializer"}')).toBe(1);
  expect(sample('stream_lease_held{lease="relay"}')).toBe(1);
  expect(sample("stream_loops_stuck")).toBe(0);
});

test("given the whole installation, when scraped, then lag, outbox, work and connections are told", () => {
  expect(sample("stream_postgres_up")).toBe(1);
  expect(sample("stream_kafka_up")).toBe(1);
  expect(sample("stream_ledger_events")).toBe(6);
  expect(sample("stream_outbox_events")).toBe(0);
  expect(sample('stream_group_lag_records{stage="router",group="router-v1"}')).toBe(0);
  expect(sample('stream_work_items{work_type="fetch_link",status="dead"}')).toBe(1);
  expect(sample('stream_work_items{work_type="publish_link",status="dead"}')).toBe(0);
  expect(sample('stream_lease_taken{lease="dispatcher"}')).toBe(1);
  expect(scrape).toMatch(/stream_postgres_connections\{application="start",state="(active|idle)[^"]*"\} [1-9]/);
});

test("given metrics anybody may read, when read, then they name no address, no subject and no password", () => {
  const { username, password } = new URL(app.databaseUrl);
  for (const secret of [pages.host, "link:", "127.0.0.1", `${username}:${password}`])
    expect(scrape).not.toContain(secret);
});

/** Names of metrics in a scrape, and of the series of a histogram. */
function namesIn(exposition: string): Set<string> {
  const names = new Set<string>();
  for (const [, name = "", type] of exposition.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    names.add(name);
    if (type === "histogram") for (const part of ["bucket", "count", "sum"]) names.add(`${name}_${part}`);
  }
  return names;
}

const METRIC = /\b(?:stream|process)_[a-z_]+\b/g;
const metricsOf = (expressions: readonly string[]) => [...new Set(expressions.join("\n").match(METRIC))].sort();

function expressionsIn(node: unknown): string[] {
  if (!node || typeof node !== "object") return [];
  return Object.entries(node).flatMap(([key, value]) =>
    key === "expr" && typeof value === "string" ? [value] : expressionsIn(value),
  );
}

test.each([
  ["deploy/grafana/stream-agents.json", (json: string) => JSON.parse(json)],
  ["deploy/prometheus/alerts.yml", (yaml: string) => parse(yaml)],
])("given %s, when compared with a real scrape, then every metric it asks for exists", (path, read) => {
  const wanted = metricsOf(expressionsIn(read(text(path))));
  expect(wanted.length).toBeGreaterThan(5);
  const known = namesIn(scrape);
  expect(wanted.filter((name) => !known.has(name))).toEqual([]);
});

test("given docs/observability.md, when compared with a real scrape, then it explains each metric and no other", () => {
  const explained = [...text("docs/observability.md").matchAll(/^\| `((?:stream|process)_[a-z_]+)`/gm)].map(
    ([, name]) => name,
  );
  const exposed = [...scrape.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name);
  // Read from /proc.
  const onlyHere = process.platform === "linux" ? [] : ["process_open_fds"];
  expect(explained.sort() as unknown[]).toEqual([...exposed, ...onlyHere].sort());
});

test("given docs/observability.md, when compared with the alarms, then it says what to do on each", () => {
  const alarms = [...text("deploy/prometheus/alerts.yml").matchAll(/- alert: (\S+)/g)].map(([, name]) => name);
  const explained = [...text("docs/observability.md").matchAll(/^\| `(Stream[A-Za-z]+)`/gm)].map(([, name]) => name);
  expect(explained as unknown[]).toEqual(alarms);
});

const promtool = Bun.which("promtool");
if (!promtool) console.warn("skipped, promtool is not here: the alarms' own tests and its lint of the metrics");

test.skipIf(!promtool)(
  "given the alarms, when promtool plays their stories, then they ring when they should",
  () => {
    const folder = join(root, "deploy/prometheus");
    for (const words of ["check rules alerts.yml", "check config prometheus.yml", "test rules alerts.test.yml"]) {
      const { status, stdout, stderr } = spawnSync("promtool", words.split(" "), { cwd: folder, encoding: "utf8" });
      expect(status === 0 ? "" : `${stdout}${stderr}`).toBe("");
    }
  },
  60_000,
);

test.skipIf(!promtool)(
  "given a scrape, when promtool lints it, then names and units are as Prometheus wants them",
  () => {
    const { status, stderr } = spawnSync("promtool", ["check", "metrics"], { input: scrape, encoding: "utf8" });
    expect([status, stderr]).toEqual([0, ""]);
  },
);
