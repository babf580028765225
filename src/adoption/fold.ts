import type { PendingQuery, Row } from "postgres";
import { type EventRow, toStoredEvent } from "../adapters/postgres/ledger.ts";
import { txParked } from "../adapters/postgres/set-aside.ts";
import { checkPayload, definitionOf } from "../engine/decode.ts";
import { messageOf } from "../engine/errors.ts";
import type { StoredEvent } from "../engine/event.ts";
import type { Projection } from "../engine/projection.ts";
import type { Registry } from "../engine/registry.ts";
import type { Sql } from "../engine/store.ts";
import { applyProjection } from "../pipeline/materializer.ts";
import { ledgerBatches, oneAhead } from "./ledger-batches.ts";
import { withoutRefused } from "./refused.ts";
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

/** Runs something in another transaction that sees the same. */
export type Beside = (work: (reader: Sql) => Promise<void>) => Promise<void>;

/** Folds the whole ledger into the shadow, by the projections' own handlers; returns what they could make nothing of. */
export async function foldLedger(tx: Sql, beside: Beside, { registry, shadow, positioned, onProgress }: FoldOptions) {
  const unreadable: Unreadable[] = [];
  const folding = { projections: registry.projections, redirect: shadow.redirect };
  let done = 0;
  const fold = async (reader: Sql) => {
    const read = async function* () {
      for await (const rows of ledgerBatches(reader, placesOf(reader, { positioned }, reader``)))
        yield { size: rows.length, events: rows.flatMap((row) => readable(row, registry, unreadable)) };
    };
    for await (const { size, events } of oneAhead(read())) {
      await foldEvents(tx, events, folding, unreadable);
      done += size;
      onProgress(done);
    }
  };
  await lookingUp(tx, () => beside(fold));
  return unreadable;
}

/**
 * Makes Postgres find rows by an index while a fold is at it. What a batch is about are a few thousand rows of tables
 * that grow with every batch; Postgres has no statistics of these, reads them whole each time, and so takes the square
 * of the time for a ledger twice as long.
 */
export async function lookingUp(tx: Sql, fold: () => Promise<void>): Promise<void> {
  const set = (to: "on" | "off") =>
    tx.unsafe(["seqscan", "hashjoin", "mergejoin"].map((way) => `set local enable_${way} = ${to}`).join(";"));
  await set("off");
  await tx`set local plan_cache_mode = force_custom_plan`;
  await fold();
  await set("on");
}

/** Where events `e` of the ledger stand, or are going to stand. */
export function placesOf(tx: Sql, { positioned }: Pick<FoldOptions, "positioned">, which: PendingQuery<Row[]>) {
  const order = positioned ? tx`position` : ledgerOrder(tx);
  const position = positioned ? order : tx`row_number() over (order by ${order})`;
  return tx`select id, ${position} as position, pg_column_size(payload) as size
    from lifestream.events e ${which} order by ${order}`;
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

/** Applies events to projections; what Postgres refuses is left out. */
export async function foldEvents(
  tx: Sql,
  events: readonly StoredEvent[],
  folding: Folding,
  unreadable: Unreadable[],
): Promise<void> {
  const refused = await withoutRefused(tx, events, async (some, inner) => {
    const sql = folding.redirect(inner);
    const within = { sql, parked: txParked(sql, { alone: true }) };
    for (const projection of folding.projections) await applyProjection(projection, some, within);
  });
  unreadable.push(...refused.map(({ item, reason }) => ({ id: item.id, reason })));
}
