import { UserError } from "../engine/errors.ts";
import { type RunningStack, StackError, startStack } from "../stack/index.ts";
import type { Context } from "./context.ts";

/** Servers to work with: ours where none were named. */
export interface Servers {
  readonly databaseUrl: string;
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
  const stack = await openStack(config, logger, signal);
  try {
    return await work({
      databaseUrl: stack.databaseUrl ?? config.databaseUrl ?? "",
      kafkaBrokers: stack.kafkaBrokers?.split(",") ?? config.kafka.brokers,
      describe: stack.describe(),
      exited: stack.exited,
    });
  } finally {
    await stack.stop();
  }
}

async function openStack(
  config: Context["config"],
  logger: Context["logger"],
  signal: AbortSignal,
): Promise<RunningStack> {
  try {
    return await startStack({
      home: config.home,
      postgres: config.databaseUrl === undefined,
      kafka: config.kafka.brokers.length === 0,
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
