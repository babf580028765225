/** The local stack: a real Postgres and a real Kafka as child processes that never outlive us. */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type LockHolder, takeLock } from "../../bootstrap/lock.mjs";
import { fileProblem, StackError } from "./errors.ts";
import { hasKafkaJars, startKafka } from "./kafka.ts";
import { removeKafkaVolume, startKafkaInDocker } from "./kafka-docker.ts";
import { findLocalKafka } from "./local-kafka.ts";
import { startPostgres } from "./postgres.ts";
import { outsideFolder } from "./postgres-place.ts";
import { readStackEnv, removeStackEnv, writeStackEnv } from "./stack-env.ts";
import type { RunningServer, ServerOptions, StackLog } from "./types.ts";

export { StackError } from "./errors.ts";
export { readStackEnv, writeStackEnv } from "./stack-env.ts";

export interface StackOptions {
  /** STREAM_HOME, absolute. */
  readonly home: string;
  /** Which servers to start: false where DATABASE_URL or KAFKA_BROKERS names one already. */
  readonly postgres: boolean;
  readonly kafka: boolean;
  /** Undefined: the one of last time if it is free, else any free one. */
  readonly postgresPort?: number | undefined;
  readonly kafkaPort?: number | undefined;
  /** Further lines for stack.env, which the commands in other terminals read. */
  readonly tells?: Readonly<Record<string, string>>;
  readonly log: StackLog;
  readonly signal?: AbortSignal | undefined;
}

export interface RunningStack {
  readonly databaseUrl?: string;
  readonly kafkaBrokers?: string;
  /** One line for a person per server. */
  describe(): string[];
  stop(): Promise<void>;
  /** Resolves when a server ended by itself; never before that. */
  readonly exited: Promise<Error>;
}

const NOTICE_MS = 1_500;

/**
 * Starts the servers of a STREAM_HOME and writes its stack.env. Whatever an earlier, killed run left there is dealt
 * with; a run that still goes on is a StackError that names it.
 */
export async function startStack(options: StackOptions): Promise<RunningStack> {
  const { home } = options;
  const release = await takeHome(home);
  try {
    removeStackEnv(home);
    const servers = await startServers(options);
    return runningStack(options, servers, release);
  } catch (error) {
    release();
    throw fileProblem(error, home);
  }
}

/** Removes a STREAM_HOME that nobody needs any more, with what of it lies elsewhere. Its stack must be stopped. */
export function removeStackHome(home: string): void {
  const outside = outsideFolder(home);
  if (outside) rmSync(outside, { recursive: true, force: true });
  if (!hasKafkaJars()) removeKafkaVolume(home);
  rmSync(home, { recursive: true, force: true });
}

/** A run killed a moment ago may take that moment to notice; another one that really runs is refused. */
async function takeHome(home: string): Promise<() => void> {
  const deadline = Date.now() + NOTICE_MS;
  try {
    for (const folder of ["run", "logs"]) mkdirSync(join(home, folder), { recursive: true });
    for (;;) {
      const lock = takeLock(join(home, "run", "lock"));
      if (!lock.holder) return lock.release;
      if (Date.now() > deadline) throw refusal(home, lock.holder);
      await sleep(100);
    }
  } catch (error) {
    throw fileProblem(error, home);
  }
}

function refusal(home: string, { pid, since }: LockHolder): StackError {
  const page = readStackEnv(home).STREAM_WEB_URL;
  const who = [`pid ${pid}`, `since ${new Date(since).toLocaleString("sv")}`, ...(page ? [page] : [])].join(", ");
  return new StackError(
    `STREAM_HOME ${home} is in use by another run (${who}): stop that one, or choose another STREAM_HOME.`,
  );
}

interface Servers {
  readonly postgres?: RunningServer | undefined;
  readonly kafka?: RunningServer | undefined;
}

/** Both at once; when one fails the other is not waited for but stopped. */
async function startServers({ home, log, signal, ...wanted }: StackOptions): Promise<Servers> {
  const giveUp = new AbortController();
  const common = { home, log, signal: signal ? AbortSignal.any([signal, giveUp.signal]) : giveUp.signal };
  const start = async (want: boolean, starter: (options: ServerOptions) => Promise<RunningServer>, port?: number) => {
    if (!want) return undefined;
    try {
      return await starter({ ...common, port });
    } catch (error) {
      giveUp.abort(error); // Only the first reason stays: it is the one to tell.
      return undefined;
    }
  };
  const [postgres, kafka] = await Promise.all([
    start(wanted.postgres, startPostgres, wanted.postgresPort),
    start(
      wanted.kafka,
      wanted.kafka && findLocalKafka().runs === "java" ? startKafka : startKafkaInDocker,
      wanted.kafkaPort,
    ),
  ]);
  if (giveUp.signal.aborted) {
    await Promise.all([postgres?.stop(), kafka?.stop()]);
    throw giveUp.signal.reason;
  }
  return { postgres, kafka };
}

function runningStack({ home, tells }: StackOptions, { postgres, kafka }: Servers, release: () => void): RunningStack {
  const servers = [postgres, kafka].filter((server) => server !== undefined);
  writeStackEnv(home, {
    ...(postgres && { DATABASE_URL: postgres.address }),
    ...(kafka && { KAFKA_BROKERS: kafka.address }),
    ...tells,
  });
  let stopped: Promise<void> | undefined;
  const stop = async () => {
    removeStackEnv(home);
    await Promise.all(servers.map((server) => server.stop()));
    release();
  };
  return {
    ...(postgres && { databaseUrl: postgres.address }),
    ...(kafka && { kafkaBrokers: kafka.address }),
    describe: () => servers.map((server) => server.description),
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
    exited: servers.length > 0 ? Promise.race(servers.map((server) => server.died)) : new Promise(() => {}),
  };
}
