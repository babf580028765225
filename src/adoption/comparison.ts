import type { PendingQuery, Row } from "postgres";
import type { Sql } from "../engine/ports.ts";
import type { Shadow } from "./shadow.ts";

/** Rows of a table as JSON, without the columns that are ours alone. */
export type Live = (table: string, alias: string) => PendingQuery<Row[]>;

/** For rows named by an alias in a statement. */
export function liveRows(tx: Sql, { ownColumns }: Pick<Shadow, "ownColumns">): Live {
  return (table, alias) => tx`(to_jsonb(${tx(alias)}) - ${(ownColumns[table] ?? []) as string[]}::text[])`;
}

/** What an adoption says of a row with long texts: only the columns that differ, where there is a folded one and it counts. */
export type Briefly = (
  table: string,
  live: string,
  other: { readonly folded: string; readonly counts: PendingQuery<Row[]> },
) => PendingQuery<Row[]>;

/** For rows of these tables. Texts are compared as they are: as JSON all of them would be written down anew. */
export async function brieflyOf(tx: Sql, tables: readonly string[], { ownColumns }: Shadow): Promise<Briefly> {
  const columns = await tx<{ table: string; column: string; folded: boolean; text: boolean }[]>`
    select c.relname as table, a.attname as column, f.attname is not null as folded,
      coalesce(a.atttypid = 'text'::regtype and f.atttypid = a.atttypid, false) as text
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    left join pg_attribute f on f.attrelid = to_regclass('pg_temp.' || quote_ident(c.relname)) and f.attname = a.attname
    where c.relnamespace = 'lifestream'::regnamespace and c.relname = any(${tables as string[]}) order by a.attnum`;
  const live = liveRows(tx, { ownColumns });
  return (table, l, { folded: f, counts }) => {
    const told = columns
      .filter((one) => one.table === table && !ownColumns[table]?.includes(one.column))
      .map(({ column, folded, text }) => {
        const [mine, theirs] = [tx(`${l}.${column}`), tx(`${f}.${column}`)];
        const differs = !folded
          ? tx`${mine} is not null`
          : text
            ? tx`${mine} is distinct from ${theirs}`
            : tx`to_jsonb(${mine}) is distinct from to_jsonb(${theirs})`;
        return tx`pg_temp.told_column(${column}, ${differs}, ${mine})`;
      })
      .reduce((all, one) => tx`${all} || ${one}`);
    return tx`(case when ${tx(`${l}.subject_id`)} is null or ${tx(`${f}.subject_id`)} is null or not (${counts})
      then pg_temp.told(${live(table, l)}, case when ${counts} then ${live(table, f)} end) else nullif(${told}, '{}') end)`;
  };
}

/** Tables for what a comparison finds. Made before the fold, as is the index: one that comes after changes is not used. */
export async function prepareComparison(tx: Sql): Promise<void> {
  await tx.unsafe(`
    create temp table adoption_events (
      nth bigint generated always as identity, subject text not null, subject_id text not null, key text not null,
      id uuid generated always as (md5('adoption' || chr(10) || subject || chr(10) || subject_id || chr(10) || key)::uuid)
        stored,
      event_type text not null default 'state.adopted', occurred_at timestamptz not null default now(),
      payload jsonb not null) on commit drop;
    create index on pg_temp.adoption_events (subject_id);
    create temp table adoption_strays (id uuid) on commit drop;
    create temp table adoption_refused (id uuid primary key, reason text) on commit drop;
    create temp table adoption_problems (table_name text, key text, reason text) on commit drop;
    create index on pg_temp.links (url_norm)`);
}

/** How rows are compared in SQL. Not in language sql: put into a statement, each would make its rows' JSON several times. */
export const FUNCTIONS = `
  -- What an adoption says of a row: all of it where it is not as folded, null where there is to be none.
  create or replace function pg_temp.told(live jsonb, folded jsonb) returns jsonb language plpgsql immutable as $$
  begin
    if live is null then return case when folded is not null then 'null'::jsonb end; end if;
    return case when live = folded then null else live end;
  end $$;

  -- The same of one column, by its name.
  create or replace function pg_temp.told_column(name text, differs boolean, live anyelement) returns jsonb
    language sql immutable as $$ select case when differs then jsonb_build_object(name, live) else '{}' end $$;

  create or replace function pg_temp.part(name text, told jsonb) returns jsonb language plpgsql immutable as $$
  begin return case when told is null then '{}' else jsonb_build_object(name, told) end; end $$;`;
