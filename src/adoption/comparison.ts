import type { PendingQuery, Row } from "postgres";
import type { Sql } from "../engine/store.ts";
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

/**
 * For rows of these tables. Values are compared as they are, and no row is taken as a whole that is not told as one:
 * Postgres would write down the long texts of all of them anew.
 */
export async function brieflyOf(tx: Sql, tables: readonly string[], { ownColumns }: Shadow): Promise<Briefly> {
  const columns = await tx<{ table: string; column: string; folded: boolean; same: boolean }[]>`
    select c.relname as table, a.attname as column, f.attname is not null as folded,
      coalesce(f.atttypid = a.atttypid, false) as same
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    left join pg_attribute f on f.attrelid = to_regclass('pg_temp.' || quote_ident(c.relname)) and f.attname = a.attname
    where c.relnamespace = 'lifestream'::regnamespace and c.relname = any(${tables as string[]}) order by a.attnum`;
  return (table, l, { folded: f, counts }) => {
    const said = columns.filter((one) => one.table === table && !ownColumns[table]?.includes(one.column));
    const mine = said.map(({ column }) => tx`${tx(`${l}.${column}`)}`);
    const differs = said.map(({ column, folded, same }) => differsIn(tx, { l, f, column, folded, same }));
    // Not in a function: Postgres would begin one anew for each value.
    const told = said.map(
      ({ column }) => tx`case when ${tx(`differs.${column}`)}
        then jsonb_build_object(${column}::text, ${tx(`${l}.${column}`)}) else '{}' end`,
    );
    const [live, folded] = [tx(`${l}.subject_id`), tx(`${f}.subject_id`)];
    return tx`(case
      when ${live} is null then case when ${folded} is not null and ${counts} then 'null'::jsonb end
      when ${folded} is null or not (${counts}) then (select to_jsonb(whole) from (select ${joined(tx, ",", mine)}) as whole)
      else (select nullif(${joined(tx, "||", told)}, '{}') from (select ${joined(tx, ",", differs)} offset 0) as differs)
      end)`;
  };
}

interface Compared {
  readonly l: string;
  readonly f: string;
  readonly column: string;
  /** There is such a column in the folded row, and it is of the same type. */
  readonly folded: boolean;
  readonly same: boolean;
}

function differsIn(tx: Sql, { l, f, column, folded, same }: Compared): PendingQuery<Row[]> {
  const [mine, theirs] = [tx(`${l}.${column}`), tx(`${f}.${column}`)];
  if (!folded) return tx`${mine} is not null as ${tx(column)}`;
  if (same) return tx`${mine} is distinct from ${theirs} as ${tx(column)}`;
  return tx`to_jsonb(${mine}) is distinct from to_jsonb(${theirs}) as ${tx(column)}`;
}

function joined(tx: Sql, by: "," | "||", parts: readonly PendingQuery<Row[]>[]): PendingQuery<Row[]> {
  return parts.reduce((all, one) => tx`${all} ${tx.unsafe(by)} ${one}`);
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
    alter table pg_temp.adoption_events alter column payload set storage external;
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

  create or replace function pg_temp.part(name text, told jsonb) returns jsonb language plpgsql immutable as $$
  begin return case when told is null then '{}' else jsonb_build_object(name, told) end; end $$;`;
