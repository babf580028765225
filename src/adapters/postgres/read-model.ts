import type { StoredHealth } from "../../engine/health.ts";
import type { Sql } from "../../engine/store.ts";
import type { Reads } from "../../engine/web/types.ts";
import { classify, type Database } from "./connect.ts";
import { readHealth } from "./read-model-health.ts";
import { readHistory } from "./read-model-history.ts";

/** A page that takes longer than this is no use to anybody. */
const DEADLINE_MS = 10_000;

/** The queries behind pages, `show` and `status`. */
export interface ReadModel extends Reads {
  health(): Promise<StoredHealth>;
  /** Throws EnvironmentError when Postgres does not answer. */
  ping(): Promise<void>;
}

/** `stateTables`: the tables that projections write, looked through for rows of a subject. */
export function createReadModel(db: Database, stateTables: readonly string[]): ReadModel {
  const read = <T>(query: (sql: Sql) => Promise<T>): Promise<T> => readOnly(db, query);
  return {
    read,
    history: (subjectId, { full = false } = {}) => read((sql) => readHistory(sql, subjectId, { stateTables, full })),
    health: () => read(readHealth),
    async ping() {
      await read(async (sql) => void (await sql`select 1`));
    },
  };
}

/** One snapshot for all that a page shows; nothing behind a page can write. */
async function readOnly<T>(db: Database, query: (sql: Sql) => Promise<T>): Promise<T> {
  try {
    return (await db.begin("isolation level repeatable read read only", async (tx) => {
      await tx`select set_config('statement_timeout', ${String(DEADLINE_MS)}, true)`;
      return query(tx as unknown as Sql);
    })) as T;
  } catch (error) {
    throw classify(error);
  }
}
