import { isTransactionPooler } from "./adapters/postgres/connect.ts";
import { createFailureReads } from "./adapters/postgres/failures.ts";
import { createReadModel } from "./adapters/postgres/read-model.ts";
import { readConnections } from "./adapters/postgres/read-model-health.ts";
import { createTokens } from "./adapters/postgres/tokens.ts";
import type { LedgerReading } from "./adapters/telemetry/ledger-metrics.ts";
import type { ServerDeps } from "./api/deps.ts";
import type { Probes } from "./api/probes.ts";
import { type App, siteOptions } from "./app.ts";
import { EnvironmentError } from "./engine/errors.ts";
import type { FailureDesk } from "./engine/failures.ts";
import type { PipelineHealth } from "./engine/health.ts";
import { fresh, within } from "./engine/patience.ts";
import type { Reads } from "./engine/web/types.ts";
import { createKafkaWatch } from "./health.ts";
import type { Observability } from "./observability.ts";
import { createFailureDesk } from "./pipeline/failure-desk.ts";
import { ingest } from "./pipeline/ingest.ts";
import { readiness } from "./readiness.ts";

export { type RunningServer, startProbeServer, startServer } from "./api/server.ts";

/** The tables that projections keep, whatever domains there are. */
export function readModelOf(app: Pick<App, "db" | "registry">) {
  const tables = new Set(app.registry.projections.flatMap((projection) => projection.tables));
  return createReadModel(app.db, [...tables]);
}

/** Where people decide about failures. */
export function failureDeskOf(app: App, reads: Reads = readModelOf(app)): FailureDesk {
  const { store, registry } = app;
  return createFailureDesk({ reads: createFailureReads(reads), store, registry, now: () => new Date() });
}

/** All that the web server needs, out of an app. `observed`: whoever listens to this process, for `/metrics`. */
export function createServerDeps(app: App, observed?: Observability): ServerDeps {
  const { store, registry, config, logger, telemetry } = app;
  const now = () => new Date();
  const reads = readModelOf(app);
  const kafka = createKafkaWatch(app);
  const health = () => pipelineHealth(app, kafka, reads);
  const ledger = fresh(SCRAPE_MS, () => ledgerReading(health, reads));
  return {
    registry,
    reads,
    ingest: (events) => ingest(events, { store, registry, now, telemetry }),
    findEvents: (ids) => store.ledger.find(ids),
    tokens: createTokens(app.db),
    health,
    failures: failureDeskOf(app, reads),
    ready: readiness({
      postgres: reads.ping,
      kafka: async () => throwIf((await kafka.ends()).problem),
      loops: observed?.loops ?? (() => null),
    }),
    ...(observed ? { metrics: () => observed.metrics(ledger) } : {}),
    corsOrigins: config.corsOrigins,
    allowedHosts: allowedHosts(config.web),
    siteDirectory: siteOptions(config).directory,
    now,
    logger,
  };
}

/** Two who scrape at once cost one reading. */
const SCRAPE_MS = 1_000;
/** Prometheus waits 10 s unless told otherwise; the process' own metrics must not be lost for a slow server. */
const LEDGER_MS = 5_000;

/** What the gauges over the whole installation show; null when Postgres does not answer in time. */
function ledgerReading(health: () => Promise<PipelineHealth>, reads: Reads): Promise<LedgerReading | null> {
  const reading = Promise.all([health(), reads.read(readConnections)]);
  const answer = reading.then(
    ([seen, connections]) => ({ health: seen, connections }),
    () => null,
  );
  return within<LedgerReading | null>(LEDGER_MS, answer, () => null);
}

/** What a stage answers to supervisors and Prometheus. Kafka is asked rarely: some clusters take few new connections. */
export function createProbes(app: App, observed: Observability): Probes {
  return {
    ready: readiness({
      postgres: readModelOf(app).ping,
      // About no topic: a stage's login may see few, and which are there was asked at the start.
      kafka: fresh(STAGE_KAFKA_MS, () => app.log.identity([])),
      loops: observed.loops,
    }),
    metrics: () => observed.metrics(),
  };
}

const STAGE_KAFKA_MS = 10_000;

/** The names that were configured, and the address itself where one of this machine's was chosen. */
function allowedHosts({ host, allowedHosts: names }: App["config"]["web"]): string[] {
  return [...names, host.includes(":") ? `[${host}]` : host];
}

function throwIf(problem: string | null): void {
  if (problem !== null) throw new EnvironmentError(problem);
}

/** How the pipeline is doing, whether Kafka answers or not; throws EnvironmentError without Postgres. */
export async function pipelineHealth(
  app: App,
  kafka = createKafkaWatch(app),
  reads = readModelOf(app),
): Promise<PipelineHealth> {
  const [stored, ends] = await Promise.all([reads.health(), kafka.ends()]);
  const { positions, ...rest } = stored;
  return {
    at: new Date().toISOString(),
    servers: {
      postgres: addressOf(app.databaseUrl),
      pooler: isTransactionPooler(app.databaseUrl),
      transport: app.transport,
      kafka: kafka.brokers,
      kafkaProblem: ends.problem,
    },
    ...rest,
    stages: kafka.lagOf(positions, ends),
  };
}

/** `host:port/database` of a database URL: never its user or password. */
export function addressOf(databaseUrl: string): string {
  const url = new URL(databaseUrl);
  return `${url.hostname}:${url.port || "5432"}${url.pathname}`;
}
