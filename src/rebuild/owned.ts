import type { Projection } from "../engine/projection.ts";
import type { Sql } from "../engine/store.ts";

/** A state table, or the part of it that some projections keep. */
export interface OwnedTable {
  readonly name: string;
  /** Its primary key. */
  readonly key: readonly string[];
  /** What a row is made of; generated columns make themselves. */
  readonly columns: readonly string[];
  /** What no event gives: another stage's notes in the same row. Neither compared nor changed. */
  readonly notFolded: readonly string[];
  /** Where others keep rows in it too: the column that says whose a row is, and the values that are ours. */
  readonly part: { readonly column: string; readonly values: readonly string[] } | null;
}

/** When an event was parked, and in which words, is chance; that it is parked is not. */
const PARKED_NOT_FOLDED = ["event", "parked_at"];

/** All that these projections write, parents before what refers to them. */
export async function ownedTables(tx: Sql, projections: readonly Projection[]): Promise<OwnedTable[]> {
  const own = (name: string, part: OwnedTable["part"], notFolded: readonly string[]) => ({ name, part, notFolded });
  const kinds = projections.flatMap(({ subjects = [] }) => subjects);
  const subjects = own("subjects", { column: "subject", values: kinds }, []);
  const names = projections.map(({ name }) => name);
  const parked = own("parked_events", { column: "projection", values: names }, PARKED_NOT_FOLDED);
  const tables = projections.flatMap(({ tables, notFolded = {} }) =>
    tables.map((name) => own(name, null, notFolded[name] ?? [])),
  );
  const shapes = await shapesOf(tx, tables.map(({ name }) => name).concat("subjects", "parked_events"));
  return [subjects, ...tables, parked]
    .map((table) => ({ ...table, ...(shapes.get(table.name) ?? { key: [], columns: [], depth: 0 }) }))
    .sort((a, b) => a.depth - b.depth);
}

/**
 * These projections and whichever else keep rows that refer to theirs: such rows go with the row they refer to, and only
 * their own projection's fold knows what becomes of them.
 */
export async function withReferring(
  tx: Sql,
  chosen: readonly Projection[],
  all: readonly Projection[],
): Promise<readonly Projection[]> {
  const names = chosen.flatMap(({ tables }) => tables);
  const rows = await tx<{ table: string }[]>`
    select c.relname as table from pg_constraint f join pg_class c on c.oid = f.conrelid
    where f.contype = 'f' and c.relnamespace = 'lifestream'::regnamespace
      and f.confrelid in (select p.oid from pg_class p
        where p.relnamespace = 'lifestream'::regnamespace and p.relname = any(${names}))`;
  const referring = new Set(rows.map(({ table }) => table));
  const wider = all.filter((one) => chosen.includes(one) || one.tables.some((table) => referring.has(table)));
  return wider.length === chosen.length ? chosen : withReferring(tx, wider, all);
}

interface Shape {
  readonly key: string[];
  readonly columns: string[];
  /** How many tables it depends on, one after the other. */
  readonly depth: number;
}

async function shapesOf(tx: Sql, tables: readonly string[]): Promise<Map<string, Shape>> {
  const rows = await tx<{ table: string; key: string[] | null; columns: string[]; parents: string[] }[]>`
    select c.relname as table,
      (select array_agg(a.attname order by k.n) from pg_constraint p
        cross join lateral unnest(p.conkey) with ordinality as k(attnum, n)
        join pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum
        where p.conrelid = c.oid and p.contype = 'p') as key,
      (select array_agg(a.attname order by a.attnum) from pg_attribute a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '') as columns,
      array(select f.confrelid::regclass::text from pg_constraint f
        where f.conrelid = c.oid and f.contype = 'f') as parents
    from pg_class c where c.relnamespace = 'lifestream'::regnamespace and c.relname = any(${tables as string[]})`;
  const parents = new Map(rows.map((row) => [row.table, row.parents.map((name) => name.replace(/^lifestream\./, ""))]));
  const depth = (table: string): number =>
    Math.max(0, ...(parents.get(table) ?? []).map((parent) => 1 + depth(parent)));
  return new Map(rows.map((row) => [row.table, { key: row.key ?? [], columns: row.columns, depth: depth(row.table) }]));
}
