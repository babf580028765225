import { v7 } from "uuid";
import { checkRow } from "../engine/decode.ts";
import { DataError, messageOf } from "../engine/errors.ts";
import type { NewEvent } from "../engine/event.ts";
import { isTooLong, MAX_NAME_BYTES } from "../engine/event-names.ts";
import type { Registry } from "../engine/registry.ts";
import type { LedgerRow, Store } from "../engine/store.ts";
import { noTelemetry, secondsSince, type Telemetry } from "../engine/telemetry.ts";

/** What became of a captured event. */
export interface Ingested {
  readonly id: string;
  readonly subjectId: string;
  /** False: the ledger had this very event already. */
  readonly isNew: boolean;
}

/**
 * The way into the ledger for everything captured through us. All events are checked first and appended together:
 * one wrong event refuses the lot, naming which and why.
 */
export async function ingest(
  events: readonly NewEvent[],
  {
    store,
    registry,
    now,
    telemetry = noTelemetry,
  }: { store: Store; registry: Registry; now: () => Date; telemetry?: Telemetry },
): Promise<Ingested[]> {
  const rows = events.map((event, index) => {
    try {
      return toRow(event, registry, now());
    } catch (error) {
      if (!(error instanceof DataError) || events.length === 1) throw error;
      throw new DataError(`event ${index + 1}: ${messageOf(error)}`, error.errorClass);
    }
  });
  const added = await append(rows, store, telemetry);
  const results = rows.map((row) => ({ id: row.id, subjectId: row.subjectId, isNew: added.delete(row.id) }));
  const more = await saidBeyond(events, results, store, registry);
  await append(
    more.map((event) => toRow(event, registry, now())),
    store,
    telemetry,
  );
  return results;
}

/** Returns the ids that are new. */
async function append(rows: readonly LedgerRow[], store: Store, telemetry: Telemetry): Promise<Set<string>> {
  const startedAt = performance.now();
  const added = new Set(await store.transaction((tx) => tx.ledger.append(rows)));
  telemetry.captured(
    rows.filter((row) => added.has(row.id)),
    secondsSince(startedAt),
  );
  return added;
}

/** Events that say what capturing these meant beyond themselves, where their definitions know. */
async function saidBeyond(events: readonly NewEvent[], results: readonly Ingested[], store: Store, registry: Registry) {
  const more: NewEvent[] = [];
  for (const [index, event] of events.entries()) {
    const captured = registry.events.get(event.type)?.captured;
    const result = results[index];
    if (!captured || !result) continue;
    const history = await store.ledger.ofSubject(event.subjectId);
    const said = captured(event, result.isNew ? history.filter(({ id }) => id !== result.id) : history);
    if (said) more.push(said);
  }
  return more;
}

function toRow(event: NewEvent, registry: Registry, now: Date): LedgerRow {
  const row: LedgerRow = {
    id: event.id ?? v7(),
    occurredAt: event.occurredAt ?? now.toISOString(),
    source: event.source ?? "unknown",
    subject: event.subject,
    subjectId: event.subjectId,
    type: event.type,
    schemaVersion: event.schemaVersion ?? registry.events.get(event.type)?.version ?? 1,
    payload: event.payload,
    correlationId: event.correlationId ?? null,
    causationId: event.causationId ?? null,
  };
  checkNames(row);
  checkRow(row, registry);
  return row;
}

function checkNames({ source, subject, subjectId }: LedgerRow): void {
  for (const [what, name] of Object.entries({ source, subject, "subject id": subjectId })) {
    if (isTooLong(name)) throw new DataError(`the ${what} is longer than ${MAX_NAME_BYTES} bytes`, "too_large");
  }
}
