import { z } from "zod";
import type { DataError } from "./errors.ts";
import { defineEvent, type Payload } from "./event.ts";
import { emittedEventId } from "./ids.ts";
import type { AcceptedWork, LedgerRow } from "./store.ts";
import { toMessage } from "./work-message.ts";

/**
 * An attempt at a piece of work failed. The router answers it (retry or dead letter), state tables show it.
 * `work_message` is the message as the agent had it; the rest is ours and may be absent in events of other writers.
 */
export const workFailed = defineEvent({
  type: "work.failed",
  subject: "work",
  version: 1,
  payload: z.looseObject({
    work_message: z.looseObject({
      id: z.string().optional(),
      subject_id: z.string(),
      work_type: z.string(),
      attempt: z.number().int().min(1),
      round: z.number().int().min(1).optional(),
      attempts_before: z.number().int().min(0).optional(),
    }),
    error: z.string(),
    agent: z.string(),
    error_class: z.string().optional(),
    /** False: no further attempt can help. */
    retryable: z.boolean().optional(),
    /** Not before this many milliseconds. */
    retry_after_ms: z.number().min(0).optional(),
  }),
});

export interface Failure {
  readonly error: string;
  readonly errorClass: string;
  readonly retryable: boolean;
  readonly retryAfterMs?: number;
}

/** The ledger row that says how an attempt failed; the same attempt always gives the same id. */
export function failureEvent(work: AcceptedWork, agent: string, failure: Failure, occurredAt: string): LedgerRow {
  const payload: Payload = {
    work_message: toMessage(work),
    error: failure.error,
    agent,
    error_class: failure.errorClass,
    retryable: failure.retryable,
    ...(failure.retryAfterMs === undefined ? {} : { retry_after_ms: failure.retryAfterMs }),
  };
  return {
    id: emittedEventId(work.id, workFailed.type, 0, work.attempt),
    occurredAt,
    source: `agent:${agent}`,
    subject: work.subject,
    subjectId: work.subjectId,
    type: workFailed.type,
    schemaVersion: workFailed.version,
    payload,
    correlationId: work.correlationId,
    causationId: work.triggeredByEventId,
  };
}

/** An attempt that no message can carry to an agent. */
export function undeliverable(work: AcceptedWork, { message, errorClass }: DataError, occurredAt: string): LedgerRow {
  return failureEvent(work, "dispatcher", { error: message, errorClass, retryable: false }, occurredAt);
}

/** An attempt whose agent vanished: it neither reported success nor failure before its lease ended. */
export function expiredFailure(work: AcceptedWork, agent: string, occurredAt: string): LedgerRow {
  const failure = { error: "the agent stopped without an answer", errorClass: "lease_expired", retryable: true };
  return failureEvent(work, agent, failure, occurredAt);
}
