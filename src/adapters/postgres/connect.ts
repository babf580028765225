import postgres from "postgres";
import { DataError, EnvironmentError, LeaseLostError, StaleOwnerError, UserError } from "../../engine/errors.ts";
import { NO_LIMIT } from "./never-full.ts";
import { sentenceOf } from "./problems.ts";
import { socketOpener, tlsWish } from "./socket.ts";

export type Database = postgres.Sql<{ bigint: number }>;

export interface ConnectOptions {
  readonly url: string;
  /** Shown in pg_stat_activity. */
  readonly name: string;
  readonly maxConnections?: number;
  /** A connection on which nothing came for so long after a question is given up. Unless given, it may take for ever. */
  readonly answerWithinMs?: number | undefined;
}

/**
 * Opens a pool. Times come back as ISO 8601 UTC text with all digits, bigints as numbers (positions and offsets stay
 * far below 2^53). Behind a transaction pooler (port 6543) prepared statements are off, as sessions are not ours there.
 */
export function connect({ url, name, maxConnections = 8, answerWithinMs }: ConnectOptions): Database {
  const db = postgres(withoutMark(url), {
    max: maxConnections,
    connect_timeout: 5,
    // Seconds. The driver's own pause grows to 20 s; the loops above know better when to try again. Only who listens
    // has no loop above it.
    backoff: (failures: number) => 0.1 + Math.random() * Math.min(3, 0.2 * 2 ** failures),
    idle_timeout: 60,
    prepare: !isTransactionPooler(url),
    onnotice: () => {},
    connection: { application_name: `stream-agents ${name}`, TimeZone: "UTC", DateStyle: "ISO" },
    types: {
      bigint: { to: 20, from: [20], serialize: (value: number) => String(value), parse: Number },
      date: { to: 1184, from: [1082, 1114, 1184], serialize: toText, parse: isoUtc },
    },
    ssl: false, // The socket brings it.
    // The driver takes them; its types do not know.
    ...({ socket: socketOpener(tlsWish(new URL(url)), answerWithinMs), max_pipeline: NO_LIMIT } as object),
  }) as unknown as Database;
  askForTypesOnce(db);
  return db;
}

const TEXT_ARRAY = 1009;

/**
 * The driver asks each new connection for the types of arrays, and nobody waits for the answer: a connection that ends just
 * then ended the whole process (postgres 3.4.9). What the first one said is known to all of a pool.
 */
function askForTypesOnce({ options }: Database): void {
  const { parsers } = options as unknown as { parsers: Record<number, unknown> };
  Object.defineProperty(options, "fetch_types", {
    enumerable: true,
    configurable: true,
    get: () => !(TEXT_ARRAY in parsers),
  });
}

/** True where the URL points at a transaction pooler, which has neither LISTEN nor session state. */
export function isTransactionPooler(url: string): boolean {
  const parsed = new URL(url);
  return parsed.port === "6543" || parsed.searchParams.get(POOLER_MARK) === "true";
}

/** Says of a URL that a transaction pooler is behind it. For us only: a server refuses parameters it does not know. */
const POOLER_MARK = "pgbouncer";

function withoutMark(url: string): string {
  const parsed = new URL(url);
  parsed.searchParams.delete(POOLER_MARK);
  return parsed.href;
}

function toText(value: unknown): string {
  return value instanceof Date ? value.toISOString() : String(value);
}

/** `2026-11-23 19:13:28.5+00` as `2026-11-23T19:13:28.500Z`; digits beyond milliseconds are kept. */
export function isoUtc(text: string): string {
  const match = /^(\d{4,}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:\.(\d+))?(?:\+00(?::00)?)?$/.exec(text);
  if (!match) return text;
  return `${match[1]}T${match[2]}.${(match[3] ?? "").padEnd(3, "0")}Z`;
}

/** SQLSTATE classes that say Postgres is away or overloaded, not that the data is wrong. 42: schema or rights. */
const ENVIRONMENT_CLASSES = new Set(["08", "25", "28", "3D", "40", "42", "53", "55", "57", "58", "XX"]);

/** Turns a driver's error into the engine's: is it the environment or the data? Errors of our own pass unchanged. */
export function classify(error: unknown): unknown {
  if (error instanceof EnvironmentError || error instanceof DataError) return error;
  if (error instanceof StaleOwnerError || error instanceof LeaseLostError || error instanceof UserError) return error;
  if (error instanceof postgres.PostgresError) {
    return ENVIRONMENT_CLASSES.has(error.code.slice(0, 2))
      ? new EnvironmentError(sentenceOf(error, "Postgres says no"), { cause: error })
      : new DataError(`Postgres: ${error.message}`, `sql_${error.code}`, { cause: error });
  }
  if (isConnectionError(error))
    return new EnvironmentError(sentenceOf(error, "Postgres cannot be reached"), { cause: error });
  return error;
}

const CONNECTION_CODES = /^(CONNECT|CONNECTION_|ECONN|ENOTFOUND|EAI_|EPIPE|ETIMEDOUT|EHOST|ENETUNREACH|ENOENT)/;

function isConnectionError(error: unknown): error is Error {
  return error instanceof Error && "code" in error && CONNECTION_CODES.test(String(error.code));
}
