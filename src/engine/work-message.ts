import { z } from "zod";
import { decodeJson, issues } from "./decode.ts";
import { DataError } from "./errors.ts";
import type { Payload } from "./event.ts";
import type { LogRecord, NewRecord } from "./log.ts";
import type { DueWork } from "./store.ts";
import { attemptOfRound, type Work } from "./work.ts";

/** The message of an attempt as the contract has it, and our `id` beside it. */
export function toMessage(work: Work): Payload {
  return {
    id: work.id,
    subject_id: work.subjectId,
    work_type: work.type,
    correlation_id: work.correlationId,
    triggered_by_event_id: work.triggeredByEventId,
    attempt: attemptOfRound(work),
    max_attempts: work.maxAttempts,
    created_at: work.createdAt,
    ...(work.round > 1 ? { round: work.round, attempts_before: work.attemptsBefore } : {}),
    ...(work.lastError === null ? {} : { last_error: work.lastError }),
    payload: work.payload,
  };
}

/** The record of an attempt for its work topic. */
export function toWorkRecord(work: Work): NewRecord {
  return {
    key: work.subjectId,
    value: JSON.stringify(toMessage(work)),
    headers: { work_type: work.type, attempt: String(attemptOfRound(work)) },
  };
}

/** The record of exhausted work for the dead-letter topic. */
export function toDeadLetterRecord(work: DueWork): NewRecord {
  const agent = work.agent ?? "unknown";
  return {
    key: work.subjectId,
    value: JSON.stringify({
      original_work: toMessage(work),
      final_error: work.finalError ?? "",
      failed_at: work.failedAt,
      agent,
    }),
    headers: { work_type: work.type, agent },
  };
}

/**
 * What a work message is about: an attempt that the registry knows; or, where the sender keeps no registry, the event
 * that asks for the work.
 */
export type WorkMessage = { readonly id: string; readonly attempt: number } | { readonly askedBy: string };

/** What a consumer needs of a message: everything else is read from the registry. */
const ofAttempt = z.looseObject({
  id: z.uuid(),
  work_type: z.string(),
  attempt: z.number().int().min(1),
  attempts_before: z.number().int().min(0).default(0),
});

const ofEvent = z.looseObject({ id: z.null().optional(), work_type: z.string(), triggered_by_event_id: z.guid() });

/** What a work message is about, attempts as the registry counts them; throws DataError. */
export function decodeWorkMessage(record: LogRecord): WorkMessage {
  const json = decodeJson(record);
  const event = ofEvent.safeParse(json);
  if (event.success) return { askedBy: event.data.triggered_by_event_id };
  const parsed = ofAttempt.safeParse(json);
  if (!parsed.success) {
    throw new DataError(`the work message is malformed: ${issues(parsed.error.issues)}`, "wrong_shape");
  }
  return { id: parsed.data.id, attempt: parsed.data.attempts_before + parsed.data.attempt };
}

/** Why a message without an id can say nothing here: the event it names is not in this ledger. */
export function unknownAsker(eventId: string): DataError {
  return new DataError(
    `the event ${eventId}, which asks for this work, is not in the ledger: the message is from another system`,
    "unknown_event",
  );
}
