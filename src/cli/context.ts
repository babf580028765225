import { type App, type AppOptions, openApp } from "../app.ts";
import { type Config, loadConfig } from "../config.ts";
import { UserError } from "../engine/errors.ts";
import type { Logger } from "../engine/logger.ts";
import { createLogger } from "../runtime/logger.ts";
import { secretsOf } from "../secrets.ts";
import { readStackEnv } from "../stack/stack-env.ts";
import type { Transport } from "../transport.ts";
import { transportInUse } from "./transport.ts";

/** What every command starts from. */
export interface Context {
  readonly config: Config;
  readonly logger: Logger;
}

/** Reads the configuration and makes the logger: human lines on a terminal, JSON otherwise, on standard error. */
export function createContext(env: Record<string, string | undefined> = process.env): Context {
  const config = loadConfig(env, process.cwd());
  const logger = createLogger({
    level: config.logLevel,
    pretty: process.stderr.isTTY === true,
    secrets: secretsOf(env),
    destination: process.stderr,
  });
  return { config, logger };
}

/** Postgres' address: the configuration's, else that of the local stack that runs. */
export function databaseUrlOf(config: Config): string {
  const url = config.databaseUrl ?? readStackEnv(config.home).DATABASE_URL;
  if (!url) {
    throw new UserError('no database: set DATABASE_URL, or run "npm start" or "npm run stack" in another terminal');
  }
  return url;
}

/** Kafka's addresses, likewise. None where the log is in Postgres. */
export function kafkaBrokersOf(config: Config): readonly string[] {
  if (transportInUse(config).kind === "embedded") return [];
  if (config.kafka.brokers.length > 0) return config.kafka.brokers;
  const brokers = readStackEnv(config.home).KAFKA_BROKERS;
  if (!brokers) {
    throw new UserError('no Kafka: set KAFKA_BROKERS, or run "npm start" or "npm run stack" in another terminal');
  }
  return brokers.split(",");
}

const NO_LOG: Transport = { kind: "kafka", why: "none is configured" };

/**
 * Opens the app for one command. `kafka: false`: it never talks to the log and may run without one; `postgres: false`:
 * it needs no database, unless that is where the log is.
 */
export async function openCommandApp(
  name: string,
  options: { kafka?: boolean; postgres?: boolean; withAgents?: boolean } & Partial<
    Pick<AppOptions, "domains" | "telemetry" | "answerWithinMs">
  > = {},
  context: Context = createContext(),
): Promise<App> {
  const { config, logger } = context;
  const transport = options.kafka === false ? NO_LOG : transportInUse(config);
  const needsDatabase = options.postgres !== false || transport.kind === "embedded";
  return openApp({
    ...options,
    config,
    logger,
    name,
    transport,
    databaseUrl: needsDatabase ? databaseUrlOf(config) : "postgres://unused",
    kafkaBrokers: options.kafka === false ? [] : kafkaBrokersOf(config),
  });
}
