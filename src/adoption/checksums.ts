import type { Database } from "../adapters/postgres/connect.ts";
import type { Sql } from "../engine/ports.ts";

/** Rows of a table and a sum over all that its columns hold, whatever their order. */
export interface TableSum {
  readonly rows: number;
  readonly sum: string;
}

/** Columns by table. */
export type Columns = Readonly<Record<string, readonly string[]>>;

/** All tables of the schema with their columns, as they are now. */
export async function presentColumns(sql: Sql | Database): Promise<Columns> {
  const rows = await sql<{ table: string; columns: string[] }[]>`
    select c.relname as table, array_agg(a.attname order by a.attnum)::text[] as columns
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.relnamespace = to_regnamespace('lifestream') and c.relkind in ('r', 'p') group by 1 order by 1`;
  return Object.fromEntries(rows.map(({ table, columns }) => [table, columns]));
}

/** A sum for each table over these columns. Events that an adoption appended do not count: they are new. */
export async function checksums(sql: Sql | Database, columns: Columns): Promise<Record<string, TableSum>> {
  const sums: Record<string, TableSum> = {};
  for (const [table, names] of Object.entries(columns)) {
    const appended = table === "events" ? sql`where source <> 'adoption'` : sql``;
    const [row] = await sql<TableSum[]>`
      select count(*) as rows, left(md5(coalesce(sum(hashtextextended(t::text, 0)), 0)::text), 16) as sum
      from (select ${sql(names as string[])} from lifestream.${sql(table)} ${appended}) as t`;
    if (row) sums[table] = row;
  }
  return sums;
}

/** Tables whose sums differ. */
export function changedTables(
  before: Readonly<Record<string, TableSum>>,
  after: Readonly<Record<string, TableSum>>,
): string[] {
  return Object.keys(before).filter((table) => before[table]?.sum !== after[table]?.sum);
}
