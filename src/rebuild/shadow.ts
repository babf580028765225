import { redirected } from "../adoption/shadow.ts";
import type { Sql } from "../engine/store.ts";
import type { OwnedTable } from "./owned.ts";

/**
 * Makes an empty table beside each live one, gone with the transaction: whatever ends it early leaves nothing behind.
 * What ties tables to others is left out. Returns the transaction as handlers see it: what they say of a live table
 * means the one beside it.
 */
export async function createShadow(tx: Sql, tables: readonly OwnedTable[]): Promise<(sql: Sql) => Sql> {
  for (const { name } of tables) {
    await tx`create temp table ${tx(name)} (like ${tx(`lifestream.${name}`)} including defaults including generated
      including identity including indexes) on commit drop`;
  }
  const names = tables.map(({ name }) => name);
  return (sql) => redirected(sql, names);
}
