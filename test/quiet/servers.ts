import { chmodSync, mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { removeStackHome } from "../../src/stack/index.ts";
import { startKafka } from "../../src/stack/kafka.ts";
import { startPostgres } from "../../src/stack/postgres.ts";
import type { RunningServer, ServerOptions } from "../../src/stack/types.ts";

/** A server of one's own that can be taken away and brought back, its data and address the same. */
export interface OwnServer {
  readonly address: string;
  stop(): Promise<void>;
  start(): Promise<void>;
}

export interface OwnServers extends AsyncDisposable {
  readonly postgres: OwnServer;
  readonly kafka: OwnServer;
}

export async function startOwnServers(): Promise<OwnServers> {
  const home = mkdtempSync(join(tmpdir(), "stream-quiet-"));
  chmodSync(home, 0o755); // As root, Postgres runs as another user, which has to get in.
  for (const folder of ["run", "logs"]) mkdirSync(join(home, folder));
  const log = { info() {}, warn: console.warn };
  const options = { home, log, signal: new AbortController().signal };
  const [postgres, kafka] = await Promise.all([own(startPostgres, options), own(startKafka, options)]);
  return {
    postgres,
    kafka,
    async [Symbol.asyncDispose]() {
      await Promise.all([postgres.stop(), kafka.stop()]);
      removeStackHome(home);
    },
  };
}

async function own(starter: (options: ServerOptions) => Promise<RunningServer>, options: ServerOptions) {
  let running: RunningServer | null = await starter(options);
  return {
    address: running.address,
    async stop() {
      await running?.stop();
      running = null;
    },
    async start() {
      running ??= await starter(options);
    },
  };
}
