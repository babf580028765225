import type { PendingQuery, Row } from "postgres";
import type { Sql } from "../engine/ports.ts";
import type { Shadow } from "./shadow.ts";

/** Rows of a table as JSON, without the columns that are ours alone. */
export type Live = (table: string, alias: string) => PendingQuery<Row[]>;

/** For rows named by an alias in a statement. */
export function liveRows(tx: Sql, { ownColumns }: Shadow): Live {
  return (table, alias) => tx`(to_jsonb(${tx(alias)}) - ${(ownColumns[table] ?? []) as string[]}::text[])`;
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

/** How rows are compared in SQL. */
export const FUNCTIONS = `
  -- What an adoption says of a row: all of it where it is not as folded, null where there is to be none.
  create or replace function pg_temp.told(live jsonb, folded jsonb) returns jsonb language sql immutable as $$
    select case when live is null then case when folded is not null then 'null'::jsonb end
      when live = folded then null else live end $$;

  -- The same of a row with long texts: only the columns that differ, where there is a folded one.
  create or replace function pg_temp.told_briefly(live jsonb, folded jsonb) returns jsonb language plpgsql immutable as $$
  begin
    if live is null or folded is null or live = folded then return pg_temp.told(live, folded); end if;
    return (select jsonb_object_agg(key, value) from jsonb_each(live) where value <> coalesce(folded -> key, 'null'));
  end $$;

  create or replace function pg_temp.part(name text, told jsonb) returns jsonb language sql immutable as $$
    select case when told is null then '{}' else jsonb_build_object(name, told) end $$;`;
