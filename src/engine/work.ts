import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { Payload } from "./event.ts";

/** A kind of work: one topic, one payload shape. */
export interface WorkDefinition<P extends Payload = Payload> {
  readonly type: string;
  readonly topic: string;
  readonly payload: StandardSchemaV1<unknown, P>;
}

/** Declares a kind of work; its topic is `work.<type>`. */
export function defineWork<P extends Payload>(definition: Omit<WorkDefinition<P>, "topic">): WorkDefinition<P> {
  return { ...definition, topic: `work.${definition.type}` };
}

/** At most this many attempts per work item, then the dead letters (the contract's number). */
export const MAX_ATTEMPTS = 3;

/** One attempt at a work item, as an agent receives it. */
export interface Work<P extends Payload = Payload> {
  /** The idempotency key: the same meaning always has the same id. */
  readonly id: string;
  readonly type: string;
  readonly subjectId: string;
  readonly correlationId: string;
  readonly triggeredByEventId: string;
  /** From 1. */
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly createdAt: string;
  readonly lastError: string | null;
  readonly payload: P;
}

/**
 * Life of a work item in `lifestream.work`:
 * `pending` (due at next_attempt_at) -> `queued` (in its topic) -> `running` (an agent holds it until lease_until)
 * -> `done`, or `failed` (its work.failed event awaits the router) -> `pending` again, or `dead`.
 */
export type WorkStatus = "pending" | "queued" | "running" | "failed" | "done" | "dead" | "discarded";

/** What the router asks the registry to take on; inserting it is the claim. */
export interface NewWork {
  readonly id: string;
  readonly type: string;
  readonly subject: string;
  readonly subjectId: string;
  readonly correlationId: string;
  readonly triggeredByEventId: string;
  readonly maxAttempts: number;
  readonly payload: Payload;
}
