import { checkPayload, decodeEvent, definitionOf, TOO_NEW } from "../engine/decode.ts";
import { DataError, EnvironmentError, errorClassOf, messageOf } from "../engine/errors.ts";
import type { StoredEvent } from "../engine/event.ts";
import { recordDiscarded, recordRedriven, workDiscarded, workRedriven, workRequested } from "../engine/failure-acts.ts";
import type { Registry } from "../engine/registry.ts";
import type { DeadRecord, RecordAct, StoreTx, TxDeadLetters, TxLedger, WorkAct } from "../engine/store.ts";
import { EVENTS_TOPIC } from "../engine/topics.ts";
import { decodeWorkMessage, unknownAsker } from "../engine/work-message.ts";

/** Event types by which a person decides about failures, as far as the router answers them. */
export const ROUTED_ACTS: ReadonlySet<string> = new Set(
  [workRedriven, workDiscarded, recordRedriven, workRequested].map(({ type }) => type),
);

/** Later events of a subject that are applied at a time. */
const LATER = 1_000;

interface DeskTx {
  readonly ledger: Pick<TxLedger, "find">;
  readonly deadLetters: Pick<TxDeadLetters, "find" | "routed" | "unroutedAgain">;
}

/** Carries out what was decided about work that was given up. An act whose round is over changes nothing. */
export async function applyWorkActs(events: readonly StoredEvent[], tx: Pick<StoreTx, "work">): Promise<void> {
  const acts = (type: string) => events.filter((event) => event.type === type).map(toWorkAct);
  await tx.work.redrive(acts(workRedriven.type));
  await tx.work.discard(acts(workDiscarded.type));
}

/**
 * The events that redriven records hold, for the router to ask for their work. What still cannot be read is left out: the
 * materializer says so, but for what it may know and only this program does not. An act may have been quarantined itself,
 * hence the second look.
 */
export async function redrivenEvents(
  events: readonly StoredEvent[],
  registry: Registry,
  tx: DeskTx,
): Promise<StoredEvent[]> {
  const held = await heldBy(events, registry, tx);
  return [...held, ...(await heldBy(held, registry, tx))];
}

async function heldBy(events: readonly StoredEvent[], registry: Registry, tx: DeskTx): Promise<StoredEvent[]> {
  const held: StoredEvent[] = [];
  for (const act of recordActs(events, recordRedriven.type)) {
    const [record] = await tx.deadLetters.find([act.id]);
    if (!record) continue;
    try {
      const event = await readAgain(record, registry, tx.ledger);
      if (event) held.push(event);
      if (record.unrouted) await tx.deadLetters.routed(act);
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      if (!FOR_LATER_PROGRAMS.has(error.errorClass)) continue;
      const { message, errorClass } = error;
      await tx.deadLetters.unroutedAgain(act, { stage: "router", error: message, errorClass });
    }
  }
  return held;
}

/** Classes of errors that say of the program as much as of the record. */
const FOR_LATER_PROGRAMS: ReadonlySet<string> = new Set([TOO_NEW, "unknown_event_type"]);

function dataErrorAsNull(error: unknown): null {
  if (error instanceof DataError) return null;
  throw error;
}

/**
 * What a quarantined record says to the program as it is now; throws DataError where it still says nothing. An event of
 * the ledger is taken from there. Null: a message of work, for which the registry answers.
 */
export async function readAgain(
  record: DeadRecord,
  registry: Registry,
  ledger: { find(ids: readonly string[]): Promise<StoredEvent[]> },
): Promise<StoredEvent | null> {
  const asRead = { ...record, timestamp: 0 };
  if (record.topic !== EVENTS_TOPIC) {
    const message = decodeWorkMessage(asRead);
    if ("askedBy" in message && (await ledger.find([message.askedBy])).length === 0)
      throw unknownAsker(message.askedBy);
    return null;
  }
  const { event } = decodeEvent(asRead);
  const [known] = await ledger.find([event.id]);
  const fact = known ?? { ...event, position: null };
  return checkPayload(fact, definitionOf(fact, registry));
}

export interface RecordDesk {
  readonly stage: string;
  readonly registry: Registry;
  readonly tx: StoreTx;
  /** Ledger position up to which the batch's partition is handled with this batch. */
  readonly upTo: number;
  /** Applies events to every projection. */
  readonly apply: (events: readonly StoredEvent[], tx: StoreTx) => Promise<void>;
}

/** Carries out what was decided about quarantined records; one that fails again stays, with its new error. */
export async function applyRecordActs(events: readonly StoredEvent[], desk: RecordDesk): Promise<void> {
  const { tx, stage } = desk;
  await tx.deadLetters.discard(recordActs(events, recordDiscarded.type));
  for (const act of recordActs(events, recordRedriven.type)) {
    // One by one: each may have a megabyte.
    const [record] = await tx.deadLetters.find([act.id]);
    if (!record) continue;
    try {
      await tx.savepoint((inner) => applyAgain(record, { ...desk, tx: inner }));
      await tx.deadLetters.healed(act);
    } catch (error) {
      if (error instanceof EnvironmentError) throw error;
      await tx.deadLetters.failedAgain(act, { stage, error: messageOf(error), errorClass: errorClassOf(error) });
    }
  }
}

/**
 * Applies the record's event, then the subject's later ones once more: so that all of them have been applied in the
 * ledger's order, as if it had never been missing. Handlers are safe to repeat.
 */
async function applyAgain(record: DeadRecord, { registry, tx, upTo, apply }: RecordDesk): Promise<void> {
  const event = await readAgain(record, registry, tx.ledger);
  if (!event) return;
  await apply([event], tx);
  if (event.position === null) return;
  for (let from = event.position + 1; ; ) {
    const later = await tx.ledger.stretch(event.subjectId, from, upTo, LATER);
    await apply(readable(later, registry), tx);
    if (later.length < LATER) return;
    from = (later.at(-1)?.position ?? upTo) + 1;
  }
}

/** Those that are no failures of their own. */
function readable(events: readonly StoredEvent[], registry: Registry): StoredEvent[] {
  return events.flatMap((event) => {
    try {
      return [checkPayload(event, definitionOf(event, registry))];
    } catch (error) {
      return dataErrorAsNull(error) ?? [];
    }
  });
}

function toWorkAct(event: StoredEvent): WorkAct {
  const { work_id, round } = event.payload as { work_id: string; round: number };
  return { id: work_id, round, ...decisionOf(event) };
}

function recordActs(events: readonly StoredEvent[], type: string): RecordAct[] {
  return events
    .filter((event) => event.type === type)
    .map((event) => {
      const { record_id, try: tries } = event.payload as { record_id: string; try: number };
      return { id: record_id, tries, ...decisionOf(event) };
    });
}

function decisionOf({ occurredAt, payload }: StoredEvent) {
  const { by, reason } = payload as { by: string; reason?: string | null };
  return { at: occurredAt, by, reason: reason ?? null };
}
