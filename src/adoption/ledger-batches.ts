import type { PendingQuery, Row } from "postgres";
import type { EventRow } from "../adapters/postgres/ledger.ts";
import type { Sql } from "../engine/store.ts";

const BATCH = 5_000;
/** Stored payload bytes in one batch, beyond which it ends: a ledger of big pages must not fill the memory. */
const BATCH_BYTES = 16 * 1024 * 1024;

/** Where an event stands, and how big it is as stored. */
interface Place {
  readonly id: string;
  readonly position: number;
  readonly size: number;
}

/**
 * The ledger's rows in batches that end at a number of events or of bytes. `places`: a query of `id`, `position` and
 * `size`, in the order wanted. One at a time in a transaction, as it has a cursor.
 */
export async function* ledgerBatches(tx: Sql, places: PendingQuery<Row[]>): AsyncGenerator<EventRow[]> {
  await tx`declare ledger_places no scroll cursor for ${places}`;
  for (;;) {
    const found = await tx<Place[]>`fetch ${tx.unsafe(String(BATCH))} from ledger_places`;
    if (found.length === 0) break;
    for (const some of bySize(found, BATCH_BYTES)) yield await rowsAt(tx, some);
  }
  await tx`close ledger_places`;
}

/**
 * The same one step ahead: the next batch comes in, and is taken apart, while something is done with the one before. For
 * this its transaction must be another one than that which does it.
 */
export async function* oneAhead<T>(all: AsyncGenerator<T>): AsyncGenerator<T> {
  const next = () => {
    const coming = all.next();
    // Told when it is awaited, unless what is done meanwhile fails.
    coming.catch(() => {});
    return coming;
  };
  for (let coming = next(); ; ) {
    const { done, value } = await coming;
    if (done) return;
    coming = next();
    yield value;
  }
}

/** Cuts a list where it would be too big; a single one may be bigger. */
export function bySize<T extends { readonly size: number }>(all: readonly T[], limit: number): T[][] {
  const batches: T[][] = [];
  let left = 0;
  for (const one of all) {
    const last = batches.at(-1);
    if (last && one.size <= left) last.push(one);
    else {
      batches.push([one]);
      left = limit;
    }
    left -= one.size;
  }
  return batches;
}

async function rowsAt(tx: Sql, places: readonly Place[]): Promise<EventRow[]> {
  // Each by its key: a join would be planned as one with the whole ledger, for every batch.
  return tx<EventRow[]>`
    select e.*, p.place as position
    from unnest(${places.map(({ id }) => id)}::uuid[], ${places.map(({ position }) => position)}::bigint[])
      as p(id, place)
    cross join lateral (
      select id, occurred_at, received_at, source, subject, subject_id, event_type, schema_version, payload,
        correlation_id, causation_id
      from lifestream.events where id = p.id offset 0) as e
    order by p.place`;
}
