import { UserError } from "../engine/errors.ts";
import type { Sql } from "../engine/store.ts";
import type { OwnedTable } from "./owned.ts";

/** How a live table stands beside what the ledger gives. */
export interface TableDifference {
  readonly table: string;
  readonly live: TableState;
  readonly folded: TableState;
  /** How it stands once it was rebuilt; the same as `folded`. */
  readonly after?: TableState;
  /** Rows that are not the same in both. */
  readonly differing: number;
  /** The first of them, by key. */
  readonly examples: readonly string[];
}

export interface TableState {
  readonly rows: number;
  /** Over what events give of each row, whatever order the rows lie in. */
  readonly digest: string;
}

const EXAMPLES = 5;

interface Looking {
  /** Subjects in `pg_temp.left_out` are passed over. */
  readonly leftOut: boolean;
}

/** Makes the list that `compareTables` writes. */
export async function prepareDifferences(tx: Sql): Promise<void> {
  await tx`create temp table differences (table_name text, key jsonb, subject_id text, live jsonb, folded jsonb)
    on commit drop`;
}

/** Compares each table with the one beside it; every difference lands in `pg_temp.differences`, for `switchOver`. */
export async function compareTables(
  tx: Sql,
  tables: readonly OwnedTable[],
  { leftOut }: Looking,
): Promise<TableDifference[]> {
  const found: TableDifference[] = [];
  for (const table of tables) found.push(await compareTable(tx, table, leftOut));
  return found;
}

async function compareTable(tx: Sql, table: OwnedTable, leftOut: boolean): Promise<TableDifference> {
  await tx`analyze ${tx(`pg_temp.${table.name}`)}`;
  await tx`
    insert into pg_temp.differences
    select ${table.name}, coalesce(l.key, f.key), coalesce(l.row ->> 'subject_id', f.row ->> 'subject_id'), l.row, f.row
    from (${rowsOf(tx, table, "lifestream", leftOut)}) as l full join (${rowsOf(tx, table, "pg_temp", leftOut)}) as f
      on l.key = f.key
    where l.row - ${table.notFolded as string[]}::text[] is distinct from f.row - ${table.notFolded as string[]}::text[]`;
  const [count] = await tx<{ differing: number; examples: string[] | null }[]>`
    select count(*) as differing, (array_agg(key::text order by key))[1:${EXAMPLES}] as examples
    from pg_temp.differences where table_name = ${table.name}`;
  return {
    table: table.name,
    live: await stateOf(tx, table, "lifestream", leftOut),
    folded: await stateOf(tx, table, "pg_temp", leftOut),
    differing: count?.differing ?? 0,
    examples: count?.examples ?? [],
  };
}

/** Subjects with rows that are not the same in both. */
export function differingSubjects(tx: Sql, table: OwnedTable) {
  const notFolded = table.notFolded as string[];
  return tx`
    select distinct coalesce(l.row ->> 'subject_id', f.row ->> 'subject_id') as subject_id
    from (${rowsOf(tx, table, "lifestream", false)}) as l full join (${rowsOf(tx, table, "pg_temp", false)}) as f
      on l.key = f.key
    where l.row - ${notFolded}::text[] is distinct from f.row - ${notFolded}::text[]`;
}

/** How tables stand that were brought to what was found; throws where they are not what was written to them. */
export async function compareAfter(
  tx: Sql,
  tables: readonly OwnedTable[],
  found: readonly TableDifference[],
): Promise<TableDifference[]> {
  const compared: TableDifference[] = [];
  for (const [index, table] of tables.entries()) {
    const before = found[index] as TableDifference;
    const after = await stateOf(tx, table, "lifestream", false);
    if (after.digest !== before.folded.digest) {
      throw new UserError(
        `lifestream.${table.name} does not take what the ledger gives, so nothing was switched: does a trigger change its rows?`,
      );
    }
    compared.push({ ...before, after });
  }
  return compared;
}

async function stateOf(tx: Sql, table: OwnedTable, schema: string, leftOut: boolean): Promise<TableState> {
  const [state] = await tx<TableState[]>`
    select count(*) as rows, left(encode(sha256(coalesce(string_agg(row_digest, '' order by row_digest), '')::bytea),
      'hex'), 16) as digest
    from (select md5((row - ${table.notFolded as string[]}::text[])::text) as row_digest
      from (${rowsOf(tx, table, schema, leftOut)}) as r) as d`;
  return state ?? { rows: 0, digest: "" };
}

/** Key and row of what is ours, as JSON. */
function rowsOf(tx: Sql, table: OwnedTable, schema: string, leftOut: boolean) {
  const { name, key, columns, part } = table;
  const ours = part ? tx`${tx(`t.${part.column}`)} = any(${part.values as string[]})` : tx`true`;
  const looked =
    leftOut && columns.includes("subject_id")
      ? tx`not exists (select from pg_temp.left_out o where o.subject_id = t.subject_id)`
      : tx`true`;
  return tx`
    select jsonb_build_array(${tx.unsafe(key.map((column) => `t."${column}"`).join(", "))}) as key, to_jsonb(t) as row
    from ${tx(`${schema}.${name}`)} as t where ${ours} and ${looked} and not ${isLeftByAdoption(tx, table)}`;
}

/** Rows that an adoption listed, as no event can be about them: neither compared nor changed. */
export async function countLeftByAdoption(tx: Sql, tables: readonly OwnedTable[]): Promise<number> {
  let rows = 0;
  for (const table of tables) {
    const [row] = await tx<{ rows: number }[]>`
      select count(*) as rows from ${tx(`lifestream.${table.name}`)} as t where ${isLeftByAdoption(tx, table)}`;
    rows += row?.rows ?? 0;
  }
  return rows;
}

/** Tables whose rows an adoption lists one by one; what stands beside these in others, under the same empty id, it does not. */
const LISTED = ["links", "todos", "annotations", "temperature_readings"];

/** The key that an adoption gives is what a person knows a row by, so any column may hold it. */
function isLeftByAdoption(tx: Sql, { name, key, columns }: OwnedTable) {
  if (!columns.includes("subject_id")) return tx`false`;
  const texts = tx.unsafe(columns.map((column) => `t."${column}"::text`).join(", "));
  const listed = key.length === 1 && key[0] === "subject_id" ? tx`true` : tx`p.key = any(array[${texts}])`;
  const which = LISTED.includes(name)
    ? tx`p.table_name = ${name} and ${listed}`
    : tx`p.table_name = any(${LISTED}) and p.reason = 'it has no subject id'`;
  return tx`(t.subject_id = '' and exists (select from lifestream.adoption_problems p where ${which}))`;
}
