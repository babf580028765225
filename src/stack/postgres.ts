import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import { spawnGuarded } from "./child.ts";
import { StackError } from "./errors.ts";
import { buildingPlace, publishFolder } from "./files.ts";
import { lastPort, recordServer, stopOrphan } from "./orphans.ts";
import { listening } from "./ports.ts";
import { giveTo, type PostgresPlace, postgresPlace } from "./postgres-place.ts";
import { onPort, reasonOfEnd, runningServer, untilReady } from "./startup.ts";
import type { RunningServer, ServerOptions } from "./types.ts";

const NAME = "Postgres";
const USER = "stream";
const DATABASE = "stream";
const FAST_SHUTDOWN = "SIGINT";
/** Long enough for the recovery after a power cut. */
const READY_MS = 120_000;
const STOP_MS = 15_000;

const INITDB_FLAGS = [
  `--username=${USER}`,
  "--auth=scram-sha-256",
  "--encoding=UTF8",
  "--locale-provider=builtin",
  "--builtin-locale=C.UTF-8",
  "--locale=C",
];
/** Loopback TCP only: a socket file would need a short path, and a folder that we and the server's user share. */
const SETTINGS = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=400"];

/** Starts the Postgres of this STREAM_HOME, making its data folder the first time. */
export async function startPostgres(options: ServerOptions): Promise<RunningServer> {
  const { home, log } = options;
  await stopOrphan(home, NAME, FAST_SHUTDOWN, log);
  const place = postgresPlace(home, log);
  const logFile = join(home, "logs", "postgres.log");
  if (!existsSync(place.folder)) await makeData(place, logFile);
  // Nothing of ours runs on this data any more, and a pid that came to belong to somebody else would stop the start.
  rmSync(join(place.folder, "data", "postmaster.pid"), { force: true });
  return onPort(options.port, "STREAM_PG_PORT", lastPort(home, NAME), (port) => run(options, place, logFile, port));
}

async function makeData({ folder, programs, owner }: PostgresPlace, logFile: string): Promise<void> {
  const place = buildingPlace(folder);
  const passwordFile = join(place, "password");
  writeFileSync(passwordFile, randomBytes(18).toString("base64url"), { mode: 0o600 });
  giveTo(owner, place);
  giveTo(owner, passwordFile);
  const initdb = spawnGuarded({
    command: join(programs, "bin", "initdb"),
    args: [`--pgdata=${join(place, "data")}`, `--pwfile=${passwordFile}`, ...INITDB_FLAGS],
    logFile,
    stopSignal: "SIGTERM",
    owner,
  });
  const code = await initdb.exited;
  if (code !== 0) throw reasonOfEnd(`${NAME} (initdb)`, code, initdb.said(), logFile);
  publishFolder(place, folder);
}

async function run(
  options: ServerOptions,
  place: PostgresPlace,
  logFile: string,
  port: number,
): Promise<RunningServer> {
  const data = join(place.folder, "data");
  const child = spawnGuarded({
    command: join(place.programs, "bin", "postgres"),
    args: ["-D", data, "-p", String(port), ...SETTINGS.flatMap((setting) => ["-c", setting])],
    logFile,
    stopSignal: FAST_SHUTDOWN,
    owner: place.owner,
  });
  recordServer(options.home, NAME, { pid: child.pid, folder: data, port });
  const password = readFileSync(join(place.folder, "password"), "utf8");
  const url = (database: string) => `postgres://${USER}:${password}@127.0.0.1:${port}/${database}`;
  await untilReady(child, {
    name: NAME,
    logFile,
    deadlineMs: READY_MS,
    signal: options.signal,
    probe: async () => (await listening(port)) && hasDatabase(url("postgres")),
  });
  return runningServer(child, {
    name: NAME,
    logFile,
    stopMs: STOP_MS,
    address: url(DATABASE),
    description: `${NAME} on 127.0.0.1:${port}, data in ${place.folder}`,
  });
}

/** Connects for real, and makes our database the first time. */
async function hasDatabase(adminUrl: string): Promise<boolean> {
  const sql = postgres(adminUrl, { max: 1, connect_timeout: 5, onnotice: () => {} });
  try {
    const found = await sql`select from pg_database where datname = ${DATABASE}`;
    if (found.length === 0) await sql`create database ${sql(DATABASE)}`;
    return true;
  } catch (error) {
    if ((error as { code?: string }).code === "28P01")
      throw new StackError("Postgres: the password in STREAM_HOME does not fit its database.");
    return false; // Still starting up.
  } finally {
    await sql.end({ timeout: 1 });
  }
}
