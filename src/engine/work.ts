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
  /** From 1, counted on over all rounds: with the id it names one attempt for ever. */
  readonly attempt: number;
  /** From 1; a redrive begins the next one. */
  readonly round: number;
  /** Attempts spent in earlier rounds. */
  readonly attemptsBefore: number;
  readonly maxAttempts: number;
  readonly createdAt: string;
  readonly lastError: string | null;
  readonly payload: P;
}

/** Which attempt of its round this is, from 1: what people and messages call the attempt. */
export function attemptOfRound({ attempt, attemptsBefore }: Pick<Work, "attempt" | "attemptsBefore">): number {
  return attempt - attemptsBefore;
}

/**
 * Life of a work item in `lifestream.work`:
 * `pending` (due at next_attempt_at) -> `queued` (in its topic) -> `running` (an agent holds it until lease_until)
 * -> `done`, or `failed` (its work.failed event awaits the router) -> `pending` again, or `dead`; from there, by a person,
 * `pending` for another round, or `discarded`.
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
