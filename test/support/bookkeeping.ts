import type { App } from "../../src/app.ts";

/** History, one row for what happened or was to be done, and what waits for a person or a parent. */
const HISTORY = ["events", "work", "parked_events", "dead_letters"];

/** Rows and bytes of a table. */
export interface TableSize {
  readonly rows: number;
  readonly bytes: number;
}

/**
 * Every table of ours that is neither history nor a state table, by its name: offsets, leases, what the relay has in hand, ...
 * A table that is new is one of them until it is known as something else.
 */
export async function bookkeeping({ db, registry }: Pick<App, "db" | "registry">): Promise<Map<string, TableSize>> {
  const told = new Set([...HISTORY, "subjects", ...registry.projections.flatMap(({ tables }) => tables)]);
  const tables = await db<{ name: string; bytes: number }[]>`
    select c.relname as name, pg_total_relation_size(c.oid) as bytes from pg_class c
    join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'lifestream' and c.relkind = 'r' order by 1`;
  const sizes = new Map<string, TableSize>();
  for (const { name, bytes } of tables) {
    if (told.has(name)) continue;
    const [row] = await db.unsafe<{ rows: number }[]>(`select count(*) as rows from lifestream."${name}"`);
    sizes.set(name, { rows: row?.rows ?? 0, bytes });
  }
  return sizes;
}

/** Rows of each, for a comparison. */
export async function bookkeepingRows(app: Pick<App, "db" | "registry">): Promise<Record<string, number>> {
  return Object.fromEntries([...(await bookkeeping(app))].map(([name, { rows }]) => [name, rows]));
}
