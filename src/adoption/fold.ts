import { type EventRow, toStoredEvent } from "../adapters/postgres/ledger.ts";
import { txParked } from "../adapters/postgres/set-aside.ts";
import { checkPayload, definitionOf } from "../engine/decode.ts";
import { messageOf } from "../engine/errors.ts";
import type { StoredEvent } from "../engine/event.ts";
import type { Sql } from "../engine/ports.ts";
import type { Projection } from "../engine/projection.ts";
import type { Registry } from "../engine/registry.ts";
import { applyProjection } from "../pipeline/materializer.ts";
import type { Shadow } from "./shadow.ts";

/** An event that says nothing to the program as it is. */
export interface Unreadable {
  readonly id: string;
  readonly reason: string;
}

export interface FoldOptions {
  readonly registry: Registry;
  readonly shadow: Shadow;
  /** The ledger has positions already; else they are as they are going to be. */
  readonly positioned: boolean;
  readonly onProgress: (done: number) => void;
}

const BATCH = 5_000;

/** Folds the whole ledger into the shadow, by the projections' own handlers; returns what they could make nothing of. */
export async function foldLedger(tx: Sql, { registry, shadow, positioned, onProgress }: FoldOptions) {
  // Tables that grow within the transaction have no statistics: a plan is made for each batch anew.
  await tx`set local plan_cache_mode = force_custom_plan`;
  const position = positioned ? tx`position` : tx`row_number() over (order by ${ledgerOrder(tx)})`;
  await tx`
    declare adopted_ledger no scroll cursor for
    select id, occurred_at, received_at, source, subject, subject_id, event_type, schema_version, payload,
      correlation_id, causation_id, ${position} as position
    from lifestream.events order by ${positioned ? tx`position` : ledgerOrder(tx)}`;
  const unreadable: Unreadable[] = [];
  for (let done = 0; ; ) {
    const rows = await tx<EventRow[]>`fetch ${tx.unsafe(String(BATCH))} from adopted_ledger`;
    if (rows.length === 0) break;
    const events = rows.flatMap((row) => readable(row, registry, unreadable));
    await foldEvents(tx, events, { projections: registry.projections, redirect: shadow.redirect }, unreadable);
    done += rows.length;
    onProgress(done);
  }
  await tx`close adopted_ledger`;
  return unreadable;
}

/**
 * The order in which the first system took events in. Its rows have moved within the table since, as it marked them;
 * where it took in several at once, the order of what happened counts, then that of the table.
 */
export function ledgerOrder(tx: Sql) {
  return tx`received_at, occurred_at, ctid`;
}

/** The row as an event of this program, none where it can make nothing of it. */
export function readable(row: EventRow, registry: Registry, unreadable: Unreadable[]): StoredEvent[] {
  const event = toStoredEvent(row);
  try {
    if (event.subjectId === "") throw new Error("it has no subject id");
    return [checkPayload(event, definitionOf(event, registry))];
  } catch (error) {
    unreadable.push({ id: event.id, reason: messageOf(error) });
    return [];
  }
}

interface Folding {
  readonly projections: readonly Projection[];
  /** The transaction as handlers see it. */
  readonly redirect: (sql: Sql) => Sql;
}

/** Applies events to projections. If Postgres refuses a batch, its halves are tried, until the event at fault stands alone. */
export async function foldEvents(
  tx: Sql,
  events: readonly StoredEvent[],
  folding: Folding,
  unreadable: Unreadable[],
): Promise<void> {
  if (events.length === 0) return;
  try {
    await tx.savepoint(async (inner) => {
      const sql = folding.redirect(inner as Sql);
      const within = { sql, parked: txParked(sql, { alone: true }) };
      for (const projection of folding.projections) await applyProjection(projection, events, within);
    });
  } catch (error) {
    const [first] = events;
    if (!(error instanceof Error) || !("code" in error) || !/^2[23]/.test(String(error.code)) || !first) throw error;
    if (events.length === 1) {
      unreadable.push({ id: first.id, reason: error.message });
      return;
    }
    const middle = events.length >> 1;
    await foldEvents(tx, events.slice(0, middle), folding, unreadable);
    await foldEvents(tx, events.slice(middle), folding, unreadable);
  }
}
