import type { EventRow } from "../adapters/postgres/ledger.ts";
import { foldEvents, lookingUp, readable, type Unreadable } from "../adoption/fold.ts";
import { ledgerBatches } from "../adoption/ledger-batches.ts";
import type { StoredEvent } from "../engine/event.ts";
import type { Projection } from "../engine/projection.ts";
import type { Registry } from "../engine/registry.ts";
import type { Sql } from "../engine/store.ts";
import type { OwnedTable } from "./owned.ts";

export interface FoldOptions {
  readonly registry: Registry;
  readonly projections: readonly Projection[];
  /** All that they write. */
  readonly tables: readonly OwnedTable[];
  readonly redirect: (sql: Sql) => Sql;
  /** Told how many events are folded so far. */
  readonly onProgress?: (done: number) => void;
}

/** Events that this program can make nothing of: how many, and the first of them. */
export interface UnreadableEvents {
  readonly total: number;
  readonly first: readonly Unreadable[];
}

const FIRST_ANALYZED_AT = 5_000;
const NAMED = 20;

/** Makes the list of what is folded. */
export async function prepareFold(tx: Sql): Promise<void> {
  await tx`create temp table folded (event_id uuid, position bigint) on commit drop`;
}

/** The ledger's events as the projections' own handlers apply them, into tables beside the live ones. */
export class LedgerFold {
  done = 0;
  #unreadable = 0;
  #named: Unreadable[] = [];
  #last = 0;
  /** Smaller batches tell Postgres sooner how the tables grow. */
  #analyzeAt = FIRST_ANALYZED_AT;

  constructor(
    readonly tx: Sql,
    readonly options: FoldOptions,
  ) {}

  get unreadable(): UnreadableEvents {
    return { total: this.#unreadable, first: this.#named };
  }

  /** Folds what stands behind the last event folded, in order; `each` is told what of every batch was applied. */
  async catchUp(each: (applied: readonly StoredEvent[]) => Promise<void> = async () => {}): Promise<void> {
    for (let before = -1; before < this.done; ) {
      before = this.done;
      await lookingUp(this.tx, () => this.#foldWhatIsThere(each));
    }
  }

  async #foldWhatIsThere(each: (applied: readonly StoredEvent[]) => Promise<void>): Promise<void> {
    const places = this.tx`
      select id, position, pg_column_size(payload) as size from lifestream.events e
      where position > ${this.#last} and not ${isPassedOver(this.tx)} order by position`;
    for await (const rows of ledgerBatches(this.tx, places)) {
      const { applied, unreadable } = await this.fold(rows);
      await each(applied);
      await this.tx`
        insert into pg_temp.folded
        select * from unnest(${rows.map(({ id }) => id)}::uuid[], ${rows.map(({ position }) => position)}::bigint[])`;
      this.#unreadable += unreadable.length;
      this.#named = [...this.#named, ...unreadable].slice(0, NAMED);
      this.#last = rows.at(-1)?.position ?? this.#last;
      this.done += rows.length;
      if (this.done >= this.#analyzeAt) await this.#analyze();
      this.options.onProgress?.(this.done);
    }
  }

  /**
   * False where the ledger up to the last event folded is not what was folded: an event with an early position was
   * committed late, or was moved behind others.
   */
  async holds(): Promise<boolean> {
    const ledger = this.tx`select id, position from lifestream.events e
      where position <= ${this.#last} and not ${isPassedOver(this.tx)}`;
    const folded = this.tx`select event_id, position from pg_temp.folded`;
    const [row] = await this.tx<{ differs: boolean }[]>`
      select exists ((${ledger} except ${folded}) union all (${folded} except ${ledger})) as differs`;
    return row?.differs !== true;
  }

  /** Forgets what was folded, so that all of it is folded once more. */
  async startAnew(): Promise<void> {
    const names = ["folded", ...this.options.tables.map(({ name }) => name)];
    await this.tx`truncate ${this.tx.unsafe(names.map((table) => `pg_temp."${table}"`).join(", "))}`;
    this.done = this.#unreadable = this.#last = 0;
    this.#named = [];
  }

  /** Folds these events. */
  async fold(rows: readonly EventRow[], tx = this.tx) {
    const unreadable: Unreadable[] = [];
    const events = rows.flatMap((row) => readable(row, this.options.registry, unreadable));
    await foldEvents(tx, events, this.options, unreadable);
    const refused = new Set(unreadable.map(({ id }) => id));
    return { applied: events.filter(({ id }) => !refused.has(id)), unreadable };
  }

  /** Nobody else does: Postgres looks after no temporary tables. */
  async #analyze(): Promise<void> {
    this.#analyzeAt = this.done * 4;
    for (const table of this.options.projections.flatMap(({ tables }) => tables))
      await this.tx`analyze ${this.tx(`pg_temp.${table}`)}`;
  }
}

function isPassedOver(tx: Sql) {
  return tx`(${isGone(tx)} or ${isLate(tx)})`;
}

/** Committed after later ones were sent: nobody has applied it, and the relay has yet to give it a place behind these. */
function isLate(tx: Sql) {
  return tx`(not e.published_to_kafka and e.kafka_offset is null and exists (
    select from lifestream.outbox_batch b where e.position <= b.high_water and e.id <> all(b.event_ids)))`;
}

/** Of subjects that an adoption found gone: two ids may have had one address, and each event would be refused alone. */
function isGone(tx: Sql) {
  return tx`exists (
    select from lifestream.events a
    where a.event_type = 'state.adopted' and a.subject_id = e.subject_id and a.subject = e.subject
      and a.position > e.position and a.payload->'gone' = 'true')`;
}
