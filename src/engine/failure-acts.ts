import { z } from "zod";
import { defineEvent, type NewEvent, type Payload } from "./event.ts";
import { canBeName } from "./event-names.ts";
import { deterministicId, emittedEventId } from "./ids.ts";
import { workFailed } from "./work-failed.ts";

/*
 * What a person decides about failures, as facts of the ledger: router and materializer apply them, in ledger order. An
 * act names what it answers (which round of the work, which try of the record), and its id follows from that: the same
 * act twice is one event, and replayed it finds its answer given.
 */

const decision = { by: z.string().min(1), reason: z.string().nullish() };
const answered = { error: z.string().nullish(), error_class: z.string().nullish() };

/** Work that was given up gets another round of attempts. */
export const workRedriven = defineEvent({
  type: "work.redriven",
  subject: "work",
  version: 1,
  payload: z.looseObject({ work_id: z.guid(), round: z.number().int().min(1), ...decision, ...answered }),
});

/** Work that was given up is not to be looked at any more. */
export const workDiscarded = defineEvent({
  type: "work.discarded",
  subject: "work",
  version: 1,
  payload: z.looseObject({ work_id: z.guid(), round: z.number().int().min(1), ...decision, ...answered }),
});

/** A quarantined record is read again by the program as it is now. */
export const recordRedriven = defineEvent({
  type: "record.redriven",
  subject: "record",
  version: 1,
  payload: z.looseObject({ record_id: z.guid(), try: z.number().int().min(0), ...decision, ...answered }),
});

/** A quarantined record is not to be looked at any more. */
export const recordDiscarded = defineEvent({
  type: "record.discarded",
  subject: "record",
  version: 1,
  payload: z.looseObject({ record_id: z.guid(), try: z.number().int().min(0), ...decision, ...answered }),
});

/** Work that no fact asks for (any more) is wanted all the same: what `recover:stuck` finds without a way on. */
export const workRequested = defineEvent({
  type: "work.requested",
  subject: "work",
  version: 1,
  payload: z.looseObject({ work_type: z.string(), payload: z.record(z.string(), z.unknown()), ...decision }),
});

export const FAILURE_ACTS = [workRedriven, workDiscarded, recordRedriven, recordDiscarded, workRequested] as const;

/** Who decided, from where, and why. */
export interface Deciding {
  readonly by: string;
  /** The event's source: `cli`, `web`. */
  readonly source: string;
  /** Never empty: where nobody said why, how it was asked for. */
  readonly reason: string;
}

/** What an act on work must know of it. */
export interface ActedWork {
  readonly id: string;
  readonly subject: string;
  readonly subjectId: string;
  readonly correlationId: string;
  readonly attempt: number;
  readonly round: number;
  readonly error: string | null;
  readonly errorClass: string | null;
}

/** The event of an act on work, keyed as the work's own events are, so that it comes after the failure it answers. */
export function workAct(kind: "redriven" | "discarded", work: ActedWork, deciding: Deciding): NewEvent {
  const { type } = kind === "redriven" ? workRedriven : workDiscarded;
  return {
    id: deterministicId(type, work.id, work.round),
    type,
    ...subjectOr(work, { subject: "work", subjectId: `work:${work.id}` }),
    source: deciding.source,
    correlationId: work.correlationId,
    causationId: emittedEventId(work.id, workFailed.type, 0, work.attempt),
    payload: { work_id: work.id, round: work.round, ...whoAndWhy(deciding), ...failureOf(work) },
  };
}

/** What an act on a record must know of it. `subjectId`: what it is about, as far as it can be read. */
export interface ActedRecord {
  readonly id: string;
  readonly subject: string;
  readonly subjectId: string;
  readonly tries: number;
  readonly error: string;
  readonly errorClass: string;
}

interface Subject {
  readonly subject: string;
  readonly subjectId: string;
}

/** Stands for what a record is about where that cannot be read. */
export function recordItself({ id }: Pick<ActedRecord, "id">): Subject {
  return { subject: "record", subjectId: `record:${id}` };
}

/** A failure whose subject the ledger takes no event of can be decided about all the same: acts name it by its id. */
function subjectOr({ subject, subjectId }: Subject, otherwise: Subject): Subject {
  return canBeName(subject) && canBeName(subjectId) ? { subject, subjectId } : otherwise;
}

/** The event of an act on a record, in the partition of the record's subject: no event of it is applied meanwhile. */
export function recordAct(kind: "redriven" | "discarded", record: ActedRecord, deciding: Deciding): NewEvent {
  const { type } = kind === "redriven" ? recordRedriven : recordDiscarded;
  return {
    id: deterministicId(type, record.id, record.tries),
    type,
    ...subjectOr(record, recordItself(record)),
    source: deciding.source,
    payload: { record_id: record.id, try: record.tries, ...whoAndWhy(deciding), ...failureOf(record) },
  };
}

/** Asks for work on a subject. `nth`: how many pieces of this work the subject has had, so that asking twice is once. */
export function requestWork(
  work: { type: string; subject: string; subjectId: string; payload: Payload; nth: number },
  deciding: Deciding,
): NewEvent {
  return {
    id: deterministicId(workRequested.type, work.type, work.subjectId, work.nth),
    type: workRequested.type,
    subject: work.subject,
    subjectId: work.subjectId,
    source: deciding.source,
    payload: { work_type: work.type, payload: work.payload, ...whoAndWhy(deciding) },
  };
}

/** Ids that the acts on something can have had so far: `rounds` of work from 1, tries of a record from 0. */
export function actIds(kind: "work" | "record", id: string, upTo: number): string[] {
  const types = kind === "work" ? [workRedriven, workDiscarded] : [recordRedriven, recordDiscarded];
  const first = kind === "work" ? 1 : 0;
  const numbers = Array.from({ length: Math.max(0, upTo - first + 1) }, (_, index) => first + index);
  return numbers.flatMap((number) => types.map(({ type }) => deterministicId(type, id, number)));
}

function whoAndWhy({ by, reason }: Deciding): Payload {
  return { by, reason };
}

function failureOf({ error, errorClass }: { error: string | null; errorClass: string | null }): Payload {
  return { error: error ?? "", error_class: errorClass ?? "unexpected" };
}
