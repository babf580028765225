import type { EventRow } from "../adapters/postgres/ledger.ts";
import { foldEvents, readable, type Unreadable } from "../adoption/fold.ts";
import type { Sql } from "../engine/ports.ts";
import type { Projection } from "../engine/projection.ts";
import type { Registry } from "../engine/registry.ts";

export interface FoldOptions {
  readonly registry: Registry;
  readonly projections: readonly Projection[];
  readonly redirect: (sql: Sql) => Sql;
  /** Told how many events are folded so far. */
  readonly onProgress?: (done: number) => void;
}

const BATCH = 5_000;

/** The ledger's events as the projections' own handlers apply them, into tables beside the live ones. */
export class LedgerFold {
  readonly unreadable: Unreadable[] = [];
  done = 0;
  #last = 0;
  #setAside: ReadonlySet<string> = new Set();

  constructor(
    readonly tx: Sql,
    readonly options: FoldOptions,
  ) {}

  /** Folds what is in the ledger and was not folded yet, in its order. */
  async catchUp(): Promise<void> {
    const { tx, options } = this;
    this.#setAside = await eventsSetAside(tx);
    for (;;) {
      const rows = await tx<EventRow[]>`
        select id, occurred_at, received_at, source, subject, subject_id, event_type, schema_version, payload,
          correlation_id, causation_id, position
        from lifestream.events where position > ${this.#last} order by position limit ${BATCH}`;
      if (rows.length === 0) return;
      await this.fold(rows);
      this.#last = rows.at(-1)?.position ?? this.#last;
      this.done += rows.length;
      options.onProgress?.(this.done);
    }
  }

  async fold(rows: readonly EventRow[], tx = this.tx): Promise<void> {
    const { registry } = this.options;
    const known = rows.filter(({ id }) => !this.#setAside.has(id));
    const events = known.flatMap((row) => readable(row, registry, this.unreadable));
    await foldEvents(tx, events, this.options, this.unreadable);
  }
}

/** Events whose record was set aside, and no redrive has healed: the live tables know nothing of them. */
async function eventsSetAside(tx: Sql): Promise<Set<string>> {
  const rows = await tx<{ value: Buffer | null }[]>`
    select record_value as value from lifestream.dead_letters
    where stage = 'materializer' and topic = 'events.raw' and status in ('open', 'discarded')`;
  return new Set(rows.flatMap(({ value }) => eventId(value)));
}

function eventId(value: Buffer | null): string[] {
  try {
    const { id } = JSON.parse(value?.toString() ?? "");
    return typeof id === "string" ? [id] : [];
  } catch {
    return []; // No event of the ledger: those are JSON.
  }
}
