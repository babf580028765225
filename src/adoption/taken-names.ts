import type { Database } from "../adapters/postgres/connect.ts";
import type { Migration } from "../adapters/postgres/migrate.ts";

/** What stands under the names that these migrations give to tables, columns, indexes and functions of theirs. */
export async function takenNames(db: Database, migrations: readonly Migration[]): Promise<string[]> {
  const names = migrations.flatMap(({ sql }) => [
    ...[...sql.matchAll(MADE)].map(([, kind = "", name = ""]) => ({ kind, name })),
    ...addedColumns(sql).map(({ table, column }) => ({ kind: "column", name: `${table}.${column}` })),
  ]);
  const rows = await db<{ told: string }[]>`
    select case when w.kind = 'index' then 'an ' else 'a ' end || w.kind || ' ' || w.name as told
    from unnest(${names.map(({ kind }) => kind)}::text[], ${names.map(({ name }) => name)}::text[]) as w(kind, name)
    where case w.kind
      when 'function' then exists (select from pg_proc p
        where p.pronamespace = to_regnamespace('lifestream') and p.proname = w.name)
      when 'column' then exists (select from pg_class c join pg_attribute a on a.attrelid = c.oid and not a.attisdropped
        where c.relnamespace = to_regnamespace('lifestream') and c.relname || '.' || a.attname = w.name)
      else to_regclass('lifestream.' || w.name) is not null end order by w.kind, w.name`;
  return rows.map(({ told }) => `there is ${told} already`);
}

const MADE = /^create (table|function|index|sequence) (?:if not exists )?(?:lifestream\.)?(\w+)/gm;

/** Columns that SQL adds to tables made before. */
export function addedColumns(sql: string): { table: string; column: string }[] {
  const altered = [...sql.matchAll(/^alter table lifestream\.(\w+)([^;]*);/gm)];
  return altered.flatMap(([, table = "", changes = ""]) =>
    [...changes.matchAll(/add column (\w+)/g)].map(([, column = ""]) => ({ table, column })),
  );
}
