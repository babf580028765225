import type { Payload, StoredEvent } from "../../src/engine/event.ts";
import type { RecordPosition } from "../../src/engine/log.ts";
import type { LedgerRow, OutboxRow, SentRow } from "../../src/engine/store.ts";
import { isoAt } from "./memory-work.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Surroundings } from "./surroundings.ts";
import { Table } from "./table.ts";

export interface LedgerEntry extends StoredEvent {
  position: number;
  published: boolean;
  sentTo: RecordPosition | null;
}

const LATE_CHECK_MS = 500;
const EMPTY_BATCH = { ids: [] as readonly string[], highWater: 0, generation: 1, partitions: null as number | null };

/** The events and the relay's way through them, each change a part of the running transaction. */
export class MemoryLedger {
  readonly events = new Table<LedgerEntry>();
  readonly #outbox = new Table<typeof EMPTY_BATCH>();
  #sequence = 0;
  #nextLateCheck = 0;

  constructor(
    readonly scheduler: Scheduler,
    readonly around: Surroundings,
  ) {}

  /** How often the ledger began to flow anew, from 1. */
  get generation(): number {
    return this.#outbox.get("batch")?.generation ?? EMPTY_BATCH.generation;
  }

  get partitions(): number | null {
    return this.#outbox.get("batch")?.partitions ?? null;
  }

  /** Not while a batch is being sent, unless it is the first time. */
  sharePartitions(among: number): boolean {
    const batch = this.#outbox.get("batch") ?? EMPTY_BATCH;
    if (batch.partitions !== null && batch.ids.length > 0) return false;
    this.#outbox.set("batch", { ...batch, partitions: among }, this.around.undo());
    return true;
  }

  /** All events, in their order. */
  inOrder(): LedgerEntry[] {
    return byPosition(this.events.values());
  }

  /** The next position: taken on insert, whenever the row is committed. */
  nextPosition(): number {
    this.#sequence += 1;
    return this.#sequence;
  }

  /** Inserts as another program's own transaction does, with a position that it took earlier. */
  insert(row: LedgerRow, position: number): void {
    if (this.events.get(row.id)) return;
    this.events.set(row.id, toEntry(row, position, this.around.now()));
    this.around.notify();
  }

  /** Returns the ids of those that were not there yet. */
  append(rows: readonly LedgerRow[]): string[] {
    const fresh = rows.filter(({ id }) => !this.events.get(id));
    for (const row of fresh) {
      this.events.set(row.id, toEntry(row, this.nextPosition(), this.around.now()), this.around.undo());
    }
    if (fresh.length > 0) this.around.notify();
    return fresh.map(({ id }) => id);
  }

  /** Notes what was sent, and returns what is to be sent next. */
  next(limit: number, sent: readonly SentRow[]): OutboxRow[] {
    for (const { id, position } of sent) this.#update(id, { published: true, sentTo: position });
    const before = this.#outbox.get("batch") ?? EMPTY_BATCH;
    const batch = sent.length > 0 ? { ...before, ids: [] } : before;
    this.#outbox.set("batch", batch, this.around.undo());
    if (batch.ids.length > 0) return this.#outboxRows(batch.ids);
    const isLate = (event: LedgerEntry) => event.position <= batch.highWater && !event.sentTo;
    const waiting = (fits: (event: LedgerEntry) => boolean) =>
      byPosition(this.events.where((event) => !event.published && fits(event)));
    if (this.scheduler.now >= this.#nextLateCheck) {
      this.#nextLateCheck = this.scheduler.now + LATE_CHECK_MS;
      for (const event of waiting(isLate)) this.#update(event.id, { position: this.nextPosition() });
    }
    const chosen = waiting((event) => !isLate(event)).slice(0, limit);
    const highWater = Math.max(batch.highWater, chosen.at(-1)?.position ?? 0);
    this.#outbox.set("batch", { ...batch, ids: chosen.map(({ id }) => id), highWater }, this.around.undo());
    return this.#outboxRows(chosen.map(({ id }) => id));
  }

  /** One that committed late may still be moved behind what was sent. */
  hasItsPlace({ id, published, sentTo }: LedgerEntry): boolean {
    return published || sentTo !== null || (this.#outbox.get("batch")?.ids.includes(id) ?? false);
  }

  #outboxRows(ids: readonly string[]): OutboxRow[] {
    return ids
      .flatMap((id) => this.events.get(id) ?? [])
      .sort((a, b) => a.position - b.position)
      .map((event) => ({
        id: event.id,
        position: event.position,
        key: event.subjectId,
        value: JSON.stringify(toRecordValue(event)),
        headers: { event_type: event.type, source: event.source, generation: String(this.generation) },
      }));
  }

  /** Everything is to be sent once more; returns how many events had been sent. */
  startOver(): number {
    this.#outbox.set(
      "batch",
      { ids: [], highWater: 0, generation: this.generation + 1, partitions: null },
      this.around.undo(),
    );
    const published = this.inOrder().filter((event) => event.published);
    for (const { id } of published) this.#update(id, { published: false });
    return published.length;
  }

  #update(id: string, changes: Partial<LedgerEntry>): void {
    const event = this.events.get(id);
    if (event) this.events.set(id, { ...event, ...changes }, this.around.undo());
  }
}

function toEntry(row: LedgerRow, position: number, now: number): LedgerEntry {
  return { ...row, receivedAt: isoAt(now), position, published: false, sentTo: null };
}

/** A record's value, in the shape of the ledger row. */
function toRecordValue(event: LedgerEntry): Payload {
  return {
    id: event.id,
    occurred_at: event.occurredAt,
    received_at: event.receivedAt,
    source: event.source,
    subject: event.subject,
    subject_id: event.subjectId,
    event_type: event.type,
    schema_version: event.schemaVersion,
    payload: event.payload,
    correlation_id: event.correlationId,
    causation_id: event.causationId,
    position: event.position,
  };
}

function byPosition(events: readonly LedgerEntry[]): LedgerEntry[] {
  return events.toSorted((a, b) => a.position - b.position);
}
