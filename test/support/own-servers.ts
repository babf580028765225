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
  /** Ended by itself, and was not started again. */
  hasDied(): boolean;
}

export interface OwnServers extends AsyncDisposable {
  /** Where their data is. */
  readonly home: string;
  readonly postgres: OwnServer;
  readonly kafka: OwnServer;
}

/** `place` says in which folder each has its data, which is one for both unless told otherwise. */
export async function startOwnServers(place?: (server: "postgres" | "kafka") => string): Promise<OwnServers> {
  const home = mkdtempSync(join(tmpdir(), "stream-quiet-"));
  chmodSync(home, 0o755); // As root, Postgres runs as another user, which has to get in.
  const options = (server: "postgres" | "kafka") => {
    const folder = place?.(server) ?? home;
    for (const part of ["run", "logs"]) mkdirSync(join(folder, part), { recursive: true });
    return { home: folder, log: { info() {}, warn: console.warn }, signal: new AbortController().signal };
  };
  const [postgres, kafka] = await Promise.all([
    own("Postgres", startPostgres, options("postgres")),
    own("Kafka", startKafka, options("kafka")),
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

const TRIES = 20;
const PAUSE_MS = 500;

/** What a Postgres that was killed has left running holds its memory for a moment yet; what is said last may be said by that. */
async function startWhenItMay(start: () => Promise<unknown>): Promise<void> {
  for (let left = TRIES; ; left -= 1) {
    try {
      await start();
      return;
    } catch (error) {
      if (left === 0 || !/ended by itself/.test(String(error))) throw error;
      await Bun.sleep(PAUSE_MS);
    }
  }
}

async function own(name: string, starter: Starter, options: ServerOptions): Promise<OwnServer> {
  let running: RunningServer | null = null;
  const start = async () => {
    const server = await starter(options);
    running = server;
    void server.died.then(() => {
      if (running === server) running = null;
    });
    return server;
  };
  const { address } = await start();
  const signal = (what: NodeJS.Signals) => {
    const server = recordedServer(options.home, name);
    if (!server) throw new Error(`nobody noted where ${name} runs`);
    process.kill(server.pid, what);
  };
  return {
    address,
    async stop() {
      await running?.stop();
      running = null;
    },
    async start() {
      if (!running) await startWhenItMay(start);
    },
    async kill() {
      const died = running?.died;
      signal("SIGKILL");
      await died;
      running = null;
    },
    freeze: () => signal("SIGSTOP"),
    thaw: () => signal("SIGCONT"),
    hasDied: () => running === null,
  };
}
