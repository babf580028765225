import { isTransactionPooler } from "./adapters/postgres/connect.ts";
import { createReadModel } from "./adapters/postgres/read-model.ts";
import { createTokens } from "./adapters/postgres/tokens.ts";
import type { ServerDeps } from "./api/deps.ts";
import { type App, siteOptions } from "./app.ts";
import { messageOf } from "./engine/errors.ts";
import type { PipelineHealth } from "./engine/health.ts";
import { createKafkaWatch } from "./health.ts";
import { ingest } from "./pipeline/ingest.ts";

export { type RunningServer, startServer } from "./api/server.ts";

/** The tables that projections keep, whatever domains there are. */
export function readModelOf(app: Pick<App, "db" | "registry">) {
  const tables = new Set(app.registry.projections.flatMap((projection) => projection.tables));
  return createReadModel(app.db, [...tables]);
}

/** All that the web server needs, out of an app. */
export function createServerDeps(app: App): ServerDeps {
  const { store, registry, config, logger } = app;
  const now = () => new Date();
  const reads = readModelOf(app);
  const kafka = createKafkaWatch(app);
  return {
    registry,
    reads,
    ingest: (events) => ingest(events, { store, registry, now }),
    findEvents: (ids) => store.ledger.find(ids),
    tokens: createTokens(app.db),
    health: () => pipelineHealth(app, kafka, reads),
    ready: async () => ({
      postgres: await reads.ping().then(
        () => null,
        (error) => messageOf(error),
      ),
      kafka: (await kafka.ends()).problem,
    }),
    corsOrigins: config.corsOrigins,
    siteDirectory: siteOptions(config).directory,
    now,
    logger,
  };
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
