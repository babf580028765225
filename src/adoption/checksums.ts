import type { Database } from "../adapters/postgres/connect.ts";
import type { Sql } from "../engine/store.ts";

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

/** Types whose values are summed as they are: a number gives the same in a wider column. All others as Postgres writes them. */
const AS_THEY_ARE = ["text", "varchar", "uuid", "timestamptz", "bool", "int2", "int4", "int8", "float4", "float8"];

/** A sum for each table over these columns. Events that an adoption appended do not count: they are new. */
export async function checksums(sql: Sql | Database, columns: Columns): Promise<Record<string, TableSum>> {
  const sums: Record<string, TableSum> = {};
  for (const [table, names] of Object.entries(columns)) {
    const appended = table === "events" ? sql`where source <> 'adoption'` : sql``;
    const written = await writtenColumns(sql, table);
    const values = names
      .map((name) => (written.has(name) ? sql`${sql(name)}::text` : sql`${sql(name)}`))
      .reduce((all, one) => sql`${all}, ${one}`);
    const [row] = await sql<TableSum[]>`
      select count(*) as rows, left(md5(coalesce(sum(hash_record_extended(row(${values}), 0)), 0)::text), 16) as sum
      from lifestream.${sql(table)} ${appended}`;
    if (row) sums[table] = row;
  }
  return sums;
}

async function writtenColumns(sql: Sql | Database, table: string): Promise<Set<string>> {
  const rows = await sql<{ name: string }[]>`
    select a.attname as name from pg_attribute a join pg_type t on t.oid = a.atttypid
    where a.attrelid = to_regclass(${`lifestream.${table}`}) and a.attnum > 0 and t.typname <> all(${AS_THEY_ARE})`;
  return new Set(rows.map(({ name }) => name));
}

/** Tables whose sums differ. */
export function changedTables(
  before: Readonly<Record<string, TableSum>>,
  after: Readonly<Record<string, TableSum>>,
): string[] {
  return Object.keys(before).filter((table) => before[table]?.sum !== after[table]?.sum);
}
