import type { Sql } from "../engine/store.ts";
import type { OwnedTable } from "./owned.ts";

/**
 * Brings the live tables to what `compareTables` found beside them, row by row where they differ: views, rights and
 * references of others hang on the live tables, which stay what they are.
 */
export async function switchOver(tx: Sql, tables: readonly OwnedTable[]): Promise<void> {
  for (const table of [...tables].reverse()) await removeRows(tx, table);
  for (const table of tables) await changeRows(tx, table);
  for (const table of tables) await addRows(tx, table);
}

async function removeRows(tx: Sql, table: OwnedTable): Promise<void> {
  await tx`
    delete from ${live(tx, table)} as t using ${told(tx, table, "live")}
    where d.folded is null and ${sameKey(tx, table)}`;
}

async function changeRows(tx: Sql, table: OwnedTable): Promise<void> {
  const columns = table.columns.filter((column) => !table.notFolded.includes(column) && !table.key.includes(column));
  if (columns.length === 0) return;
  const sets = columns.map((column) => `"${column}" = r."${column}"`).join(", ");
  await tx`
    update ${live(tx, table)} as t set ${tx.unsafe(sets)} from ${told(tx, table, "folded")}
    where d.live is not null and ${sameKey(tx, table)}`;
}

async function addRows(tx: Sql, table: OwnedTable): Promise<void> {
  const columns = table.columns.map((column) => `"${column}"`).join(", ");
  const values = table.columns.map((column) => `r."${column}"`).join(", ");
  await tx`
    insert into ${live(tx, table)} (${tx.unsafe(columns)})
    select ${tx.unsafe(values)} from ${told(tx, table, "folded")} where d.live is null`;
}

const live = (tx: Sql, { name }: OwnedTable) => tx(`lifestream.${name}`);

/** Differences of a table as rows `r` of it, as they are live or as they were folded. */
function told(tx: Sql, { name }: OwnedTable, side: "live" | "folded") {
  return tx`(select * from pg_temp.differences where table_name = ${name} and ${tx(side)} is not null) as d
    cross join lateral jsonb_populate_record(null::${tx(`lifestream.${name}`)}, d.${tx(side)}) as r`;
}

function sameKey(tx: Sql, { key }: OwnedTable) {
  return tx.unsafe(key.map((column) => `t."${column}" = r."${column}"`).join(" and "));
}
