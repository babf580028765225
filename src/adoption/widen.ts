import type { Sql } from "../engine/store.ts";

/*
 * Columns of another program may be narrower than what is going to be written there: positions of the ledger where
 * versions were small numbers, pages' titles where there was a limit. Values stay as they are.
 */

interface Wanted {
  readonly table: string;
  readonly column: string;
  readonly type: string;
}

interface Narrow {
  readonly table: string;
  readonly column: string;
  readonly type: string;
  readonly wide: string;
  /** What was made with this column's type and keeps it as it is, in Postgres' words. */
  readonly held: string | null;
}

/** Says which numbers are too small and cannot be widened. A text with a limit that is held stays as it is. */
export async function heldNarrow(tx: Sql, wanted: readonly Wanted[]): Promise<string[]> {
  const narrow = await narrowColumns(tx, wanted);
  return narrow.flatMap(({ table, column, type, wide, held }) =>
    held && wide === "bigint"
      ? [`${table}.${column} is an ${type}, which is too small, and cannot be widened while there is ${held}`]
      : [],
  );
}

/** Widens what is too narrow. */
export async function widenColumns(tx: Sql, wanted: readonly Wanted[]): Promise<void> {
  const changes = Map.groupBy(
    (await narrowColumns(tx, wanted)).filter(({ held }) => held === null),
    ({ table }) => table,
  );
  for (const [table, columns] of changes) {
    const widened = columns.map(({ column, wide }) => `alter column "${column}" type ${wide}`);
    await tx.unsafe(`alter table lifestream.${table} ${widened.join(", ")}`);
  }
}

async function narrowColumns(tx: Sql, wanted: readonly Wanted[]): Promise<Narrow[]> {
  return tx<Narrow[]>`
    select * from (
      select c.relname as table, a.attname as column, format_type(a.atttypid, a.atttypmod) as type,
        case when w.type = 'bigint' and a.atttypid in ('int2'::regtype, 'int4'::regtype) then 'bigint'
          when a.atttypid in ('varchar'::regtype, 'varchar[]'::regtype) and a.atttypmod <> -1
            then format_type(a.atttypid, null) end as wide,
        (select min(pg_describe_object(d.classid, d.objid, 0)) from pg_depend d
          where d.refclassid = 'pg_class'::regclass and d.refobjid = c.oid and d.refobjsubid = a.attnum
            and d.deptype = 'n' and d.classid in ('pg_rewrite'::regclass, 'pg_trigger'::regclass, 'pg_policy'::regclass,
              'pg_attrdef'::regclass)) as held
      from unnest(${wanted.map(({ table }) => table)}::text[], ${wanted.map(({ column }) => column)}::text[],
        ${wanted.map(({ type }) => type)}::text[]) as w("table", "column", type)
      join pg_class c on c.relnamespace = to_regnamespace('lifestream') and c.relname = w.table
      join pg_attribute a on a.attrelid = c.oid and a.attname = w.column) as n
    where wide is not null order by 1, 2`;
}
