import { classify } from "../adapters/postgres/connect.ts";
import { DataError, messageOf } from "../engine/errors.ts";
import type { Sql } from "../engine/store.ts";

/** Something that Postgres does not take, and what it says about it. */
export interface Refused<T> {
  readonly item: T;
  readonly reason: string;
}

/**
 * Does something with all of these at once. Where Postgres refuses it because of what they hold, it does it with their
 * halves, until what is at fault stands alone; that is left out and returned.
 */
export async function withoutRefused<T>(
  tx: Sql,
  items: readonly T[],
  work: (some: readonly T[], tx: Sql) => Promise<void>,
): Promise<Refused<T>[]> {
  const [first] = items;
  if (first === undefined) return [];
  try {
    await tx.savepoint((inner) => work(items, inner as Sql));
    return [];
  } catch (error) {
    if (!(classify(error) instanceof DataError)) throw error;
    if (items.length === 1) return [{ item: first, reason: messageOf(error) }];
    const middle = items.length >> 1;
    const early = await withoutRefused(tx, items.slice(0, middle), work);
    return [...early, ...(await withoutRefused(tx, items.slice(middle), work))];
  }
}
