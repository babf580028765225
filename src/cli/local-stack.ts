import { UserError } from "../engine/errors.ts";
import { type RunningStack, StackError, startStack } from "../stack/index.ts";
import type { Transport } from "../transport.ts";
import type { Context } from "./context.ts";
import { chooseTransport } from "./transport.ts";

/** Servers to work with: ours where none were named. */
export interface Servers {
  readonly databaseUrl: string;
  readonly transport: Transport;
  readonly kafkaBrokers: readonly string[];
  /** One line each. */
  readonly describe: readonly string[];
  /** Resolves when a server of ours ended by itself. */
  readonly exited: Promise<Error>;
}

/**
 * Starts the local servers that the configuration does not name, runs `work` with them, and stops what it started,
 * whatever happens. Holds STREAM_HOME meanwhile: a second run on it is refused.
 */
export async function withStack<T>(
  { config, logger }: Context,
  signal: AbortSignal,
  work: (servers: Servers) => Promise<T>,
): Promise<T> {
  const transport = chooseTransport(config);
  const stack = await openStack(config, transport, logger, signal);
  try {
    return await work({
      transport,
      databaseUrl: stack.databaseUrl ?? config.databaseUrl ?? "",
      kafkaBrokers: stack.kafkaBrokers?.split(",") ?? config.kafka.brokers,
      describe: [...stack.describe(), describeTransport(transport)],
      exited: stack.exited,
    });
  } finally {
    await stack.stop();
  }
}

const NAMES = { kafka: "Kafka", embedded: "embedded, tables in Postgres" };

function describeTransport({ kind, why }: Transport): string {
  return `transport  ${NAMES[kind]} (${why})`;
}

async function openStack(
  config: Context["config"],
  { kind }: Transport,
  logger: Context["logger"],
  signal: AbortSignal,
): Promise<RunningStack> {
  try {
    return await startStack({
      home: config.home,
      postgres: config.databaseUrl === undefined,
      kafka: kind === "kafka" && config.kafka.brokers.length === 0,
      tells: kind === "embedded" ? { STREAM_TRANSPORT: kind } : {},
      postgresPort: config.ports.postgres,
      kafkaPort: config.ports.kafka,
      log: {
        info: (message, fields) => logger.info(message, fields as Record<string, unknown>),
        warn: (message, fields) => logger.warn(message, fields as Record<string, unknown>),
      },
      signal,
    });
  } catch (error) {
    if (error instanceof StackError) throw new UserError(error.message, 1, { cause: error });
    throw error;
  }
}
