import { chmodSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { removeStackHome, startStack } from "../../src/stack/index.ts";

export interface TestServers {
  readonly databaseUrl: string;
  readonly kafkaBrokers: string;
}

interface OwnStack extends TestServers {
  stop(): Promise<void>;
}

let started: Promise<OwnStack> | undefined;

/** The Postgres and the Kafka to test on: those of `npm test`, or, for `bun test FILE` by hand, a pair for this process. */
export async function testServers(): Promise<TestServers> {
  const { TEST_DATABASE_URL: databaseUrl, TEST_KAFKA_BROKERS: kafkaBrokers } = process.env;
  if (databaseUrl && kafkaBrokers) return { databaseUrl, kafkaBrokers };
  started ??= startTestServers({ databaseUrl, kafkaBrokers });
  return started;
}

/** Stops what `testServers` started; runs after the last test file. */
export async function stopTestServers(): Promise<void> {
  await (await started)?.stop();
}

/** Starts, in a throw-away STREAM_HOME, whichever of the two is not there yet. */
export async function startTestServers(
  present: { readonly databaseUrl?: string | undefined; readonly kafkaBrokers?: string | undefined },
  signal?: AbortSignal,
): Promise<OwnStack> {
  const home = mkdtempSync(join(tmpdir(), "stream-test-"));
  chmodSync(home, 0o755); // As root, Postgres runs as another user, which has to get in.
  const options = {
    home,
    postgres: !present.databaseUrl,
    kafka: !present.kafkaBrokers,
    log: { info() {}, warn: console.warn },
  };
  try {
    const stack = await startStack({ ...options, signal });
    return {
      databaseUrl: stack.databaseUrl ?? present.databaseUrl ?? "",
      kafkaBrokers: stack.kafkaBrokers ?? present.kafkaBrokers ?? "",
      async stop() {
        await stack.stop();
        removeStackHome(home);
      },
    };
  } catch (error) {
    removeStackHome(home);
    throw error;
  }
}
