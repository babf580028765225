import { chmodSync, mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { removeStackHome } from "../../src/stack/index.ts";
import { startKafka } from "../../src/stack/kafka.ts";
import { recordedServer } from "../../src/stack/orphans.ts";
import { startPostgres } from "../../src/stack/postgres.ts";
import type { RunningServer, ServerOptions } from "../../src/stack/types.ts";

/** A server of one's own that can be taken away and brought back, its data and address the same. */
export interface OwnServer {
  readonly address: string;
  stop(): Promise<void>;
  start(): Promise<void>;
  /** `kill -9`: it comes back by what it has on its disk. */
  kill(): Promise<void>;
  /** Takes it off the processor: connections stay open and nobody answers. */
  freeze(): void;
  thaw(): void;
}

export interface OwnServers extends AsyncDisposable {
  /** Where their data is. */
  readonly home: string;
  readonly postgres: OwnServer;
  readonly kafka: OwnServer;
}

export async function startOwnServers(): Promise<OwnServers> {
  const home = mkdtempSync(join(tmpdir(), "stream-quiet-"));
  chmodSync(home, 0o755); // As root, Postgres runs as another user, which has to get in.
  for (const folder of ["run", "logs"]) mkdirSync(join(home, folder));
  const log = { info() {}, warn: console.warn };
  const options = { home, log, signal: new AbortController().signal };
  const [postgres, kafka] = await Promise.all([
    own("Postgres", startPostgres, options),
    own("Kafka", startKafka, options),
  ]);
  return {
    home,
    postgres,
    kafka,
    async [Symbol.asyncDispose]() {
      await Promise.all([postgres.stop(), kafka.stop()]);
      removeStackHome(home);
    },
  };
}

type Starter = (options: ServerOptions) => Promise<RunningServer>;

async function own(name: string, starter: Starter, options: ServerOptions): Promise<OwnServer> {
  let running: RunningServer | null = await starter(options);
  const signal = (what: NodeJS.Signals) => {
    const server = recordedServer(options.home, name);
    if (!server) throw new Error(`nobody noted where ${name} runs`);
    process.kill(server.pid, what);
  };
  return {
    address: running.address,
    async stop() {
      await running?.stop();
      running = null;
    },
    async start() {
      running ??= await starter(options);
    },
    async kill() {
      const died = running?.died;
      signal("SIGKILL");
      await died;
      running = null;
    },
    freeze: () => signal("SIGSTOP"),
    thaw: () => signal("SIGCONT"),
  };
}
