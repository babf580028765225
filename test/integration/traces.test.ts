import { afterAll, beforeAll, expect, test } from "bun:test";
import { openApp } from "../../src/app.ts";
import { loadConfig } from "../../src/config.ts";
import { linkAddedEvent } from "../../src/domains/links/index.ts";
import { silentLogger } from "../../src/engine/logger.ts";
import { openObservability } from "../../src/observability.ts";
import { ingest } from "../../src/pipeline/ingest.ts";
import { runStages } from "../../src/runtime/service.ts";
import { agentStage, allStages, materializerStages, relayStage, routerStages } from "../../src/stages.ts";
import { type ReceivedSpan, startOtlpReceiver } from "../support/otlp-receiver.ts";
import { servePages, type TestPages } from "../support/pages.ts";
import { settled } from "../support/settled.ts";
import { createTestApp, type TestApp, until } from "../support/test-app.ts";

let pages: TestPages;
let world: TestApp;
beforeAll(async () => {
  pages = await servePages();
  world = await createTestApp({ FETCH_ALLOW_HOSTS: pages.host });
}, 60_000);
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await pages[Symbol.asyncDispose]();
}, 60_000);

/** An app on the same servers as a program of its own has it, that tells what it does to a collector. */
async function aProgram(program: string, endpoint: string, warn: (message: string) => void = () => {}) {
  const config = loadConfig({ ...world.env, OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }, world.app.config.home);
  const logger = { ...silentLogger, warn };
  const observed = await openObservability({ config, logger, program, asked: false });
  const { databaseUrl, kafkaBrokers } = world.app;
  const common = { config, databaseUrl, kafkaBrokers, logger: silentLogger, name: program, withAgents: true };
  const app = await openApp({ ...common, telemetry: observed.telemetry });
  return {
    app,
    async close() {
      await app[Symbol.asyncDispose]();
      const startedAt = performance.now();
      await observed[Symbol.asyncDispose]();
      return performance.now() - startedAt;
    },
  };
}

async function add(app: TestApp["app"], path: string): Promise<string> {
  const event = linkAddedEvent({ url: `${pages.origin}${path}`, source: "test", visibility: "public" });
  const { store, registry, telemetry } = app;
  const [added] = await ingest([event], { store, registry, now: () => new Date(), telemetry });
  return added?.id ?? "";
}

const value = (list: ReceivedSpan["attributes"], key: string) =>
  Object.values(list.find((attribute) => attribute.key === key)?.value ?? {})[0];

test("given four programs and a link that fails once, when it is published, then one trace tells every hop", async () => {
  const collector = startOtlpReceiver();
  const programs = await Promise.all(
    ["capture", "router", "materialize", "agents"].map((name) => aProgram(name, collector.endpoint)),
  );
  const [capture, router, materialize, agents] = programs.map(({ app }) => app);
  if (!capture || !router || !materialize || !agents) throw new Error("four programs");
  const first = await add(capture, "/once/traced");
  const stages = [
    relayStage(router, { once: false }),
    ...routerStages(router, { once: false }),
    ...materializerStages(materialize, { once: false }),
    ...agents.registry.agents.map((agent) => agentStage(agents, agent, { once: false })),
  ];
  await world.runUntil(stages, () => settled(world.app), 60_000);
  await Promise.all(programs.map((program) => program.close()));
  collector.stop();

  const { spans } = collector;
  const trace = first.replaceAll("-", "");
  expect(new Set(spans.map((span) => span.traceId))).toEqual(new Set([trace]));

  const byId = new Map(spans.map((span) => [span.spanId, span]));
  const parentOf = (span: ReceivedSpan) => byId.get(span.parentSpanId ?? "")?.name ?? null;
  const tree = spans.map((span) => `${span.name} < ${parentOf(span)}`).sort();
  const handled = (type: string) => [`materialize ${type} < forward ${type}`];
  const asked = (type: string, work: string, agent: string) => [
    `route ${type} < forward ${type}`,
    `dispatch ${work} < route ${type}`,
    `attempt ${agent} < dispatch ${work}`,
  ];
  expect(tree).toEqual(
    [
      "capture link.added < forward link.added",
      "forward link.added < null",
      ...handled("link.added"),
      ...asked("link.added", "fetch_link", "fetcher"),
      // The first attempt failed: its event is routed to a second one of the same work.
      "forward work.failed < forward link.added",
      ...handled("work.failed"),
      "route work.failed < forward work.failed",
      "dispatch fetch_link < route link.added",
      "attempt fetcher < dispatch fetch_link",
      "forward content.fetched < forward link.added",
      ...handled("content.fetched"),
      ...asked("content.fetched", "enrich_link", "enricher"),
      "forward enrichment.completed < forward content.fetched",
      ...handled("enrichment.completed"),
      ...asked("enrichment.completed", "publish_link", "publisher"),
      "forward publish.completed < forward enrichment.completed",
      ...handled("publish.completed"),
    ].sort(),
  );

  const [failed, done] = spans
    .filter((span) => span.name === "attempt fetcher")
    .sort((a, b) => Number(value(a.attributes, "stream.attempt")) - Number(value(b.attributes, "stream.attempt")));
  expect([failed?.status.code, value(failed?.attributes ?? [], "error.type")]).toEqual([2, "http_5xx"]);
  expect(failed?.events.map(({ name, attributes }) => [name, value(attributes, "outcome")])).toEqual([
    ["http.fetch", "http_5xx"],
  ]);
  expect(done?.links.map(({ spanId }) => byId.get(spanId)?.name)).toEqual(["forward content.fetched"]);
  for (const span of spans) expect(BigInt(span.endTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(span.startTimeUnixNano));
  expect(JSON.stringify(spans)).not.toContain(pages.host);
}, 90_000);

test("given what flows again is old, when replayed, then it tells no trace", async () => {
  const collector = startOtlpReceiver();
  const program = await aProgram("start", collector.endpoint);
  await world.app.db`
    insert into lifestream.events (occurred_at, received_at, source, subject, subject_id, event_type, payload)
    values (now(), now() - interval '2 hours', 'psql', 'todo', 'todo:old', 'todo.created', '{"title": "old"}'),
      (now(), now(), 'psql', 'todo', 'todo:new', 'todo.created', '{"title": "new"}')`;
  await world.runUntil(allStages(program.app, { once: false }), () => settled(world.app));
  await program.close();
  collector.stop();
  expect(collector.spans.map((span) => [span.name, value(span.attributes, "stream.subject_id")]).sort()).toEqual([
    ["forward todo.created", "todo:new"],
    ["materialize todo.created", "todo:new"],
  ]);
}, 60_000);

test("given a dead collector, when links flow, then they are published, the log says so once, and stopping is quick", async () => {
  const warnings: string[] = [];
  const program = await aProgram("start", "http://127.0.0.1:9", (message) => warnings.push(message));
  const stop = new AbortController();
  const running = runStages(allStages(program.app, { once: false }), {
    signal: stop.signal,
    drainTimeoutMs: 10_000,
    logger: silentLogger,
  });
  for (let n = 0; n < 3; n += 1) await add(program.app, `/ok/untold-${n}`);
  await until(() => settled(world.app));
  // The exporter tries for five seconds before it gives a batch up; two batches fail until then.
  await until(async () => warnings.length > 0, 20_000);
  await add(program.app, "/ok/untold-4");
  await until(() => settled(world.app));
  stop.abort();
  await running;
  expect(await program.close()).toBeLessThan(2_500);
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toStartWith("traces are dropped, the collector does not take them: ");
  const [{ n } = { n: 0 }] = await world.app.db<{ n: number }[]>`
    select count(*) as n from lifestream.links where status = 'published' and url like '%untold%'`;
  expect(n).toBe(4);
}, 90_000);
