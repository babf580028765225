import type { Agent } from "../engine/agent.ts";
import { checkRow, issues } from "../engine/decode.ts";
import {
  EnvironmentError,
  errorClassOf,
  messageOf,
  PauseError,
  RetryLaterError,
  TerminalError,
} from "../engine/errors.ts";
import type { NewEvent } from "../engine/event.ts";
import { emittedEventId } from "../engine/ids.ts";
import type { Logger } from "../engine/logger.ts";
import type { AcceptedWork, LedgerRow, Store } from "../engine/ports.ts";
import type { Registry } from "../engine/registry.ts";
import { type Backoff, fullJitter } from "../engine/retry.ts";
import { sleep } from "../engine/sleep.ts";
import { type Failure, failureEvent } from "../engine/work-failed.ts";

export interface AttemptOptions {
  readonly agent: Agent;
  readonly registry: Registry;
  readonly store: Store;
  readonly logger: Logger;
  readonly now: () => Date;
  readonly random: () => number;
}

/** Ending an attempt waits out an absent Postgres with these pauses. */
const RETRY: Backoff = { baseMs: 200, capMs: 5_000 };

type Outcome =
  | { readonly events: readonly NewEvent[] }
  | { readonly failure: Failure }
  | { readonly pause: PauseError };

/**
 * One attempt from start to its end in the ledger. Returns for how many milliseconds the agent as a whole should rest:
 * 0 unless it said that nothing can work just now.
 */
export async function runAttempt(work: AcceptedWork, options: AttemptOptions, stopping: AbortSignal): Promise<number> {
  if (stopping.aborted) return 0;
  const { agent, logger, now } = options;
  const log = logger.child({ agent: agent.name, subject: work.subjectId, attempt: work.attempt });
  let outcome: Outcome;
  try {
    const events = await withDeadline(agent, work, stopping, log, now);
    outcome = { events };
  } catch (error) {
    if (stopping.aborted) return 0;
    outcome = error instanceof PauseError ? { pause: error } : { failure: toFailure(error) };
    log.warn(messageOf(error), { class: errorClassOf(error) });
  }
  await report(work, outcome, options, stopping);
  return "pause" in outcome ? outcome.pause.afterMs : 0;
}

/** The agent's answer, or an error at its deadline even if it never answers. */
async function withDeadline(agent: Agent, work: AcceptedWork, stopping: AbortSignal, log: Logger, now: () => Date) {
  const late = AbortSignal.timeout(agent.timeoutMs);
  const signal = AbortSignal.any([late, stopping]);
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => {
    const seconds = agent.timeoutMs / 1000;
    aborted.reject(late.aborted ? new Error(`no answer within ${seconds} s`) : new Error("stopping"));
  };
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    const payload = agent.handles.payload["~standard"].validate(work.payload);
    if (payload instanceof Promise || payload.issues) {
      throw new TerminalError(
        `the work's payload is malformed: ${payload instanceof Promise ? "async schema" : issues(payload.issues)}`,
        "wrong_shape",
      );
    }
    return await Promise.race([agent.run({ ...work, payload: payload.value }, { signal, log, now }), aborted.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** What a thrown value says about the next attempt. */
export function toFailure(error: unknown): Failure {
  const common = { error: messageOf(error), errorClass: errorClassOf(error) };
  if (error instanceof TerminalError) return { ...common, retryable: false };
  if (error instanceof RetryLaterError) return { ...common, retryable: true, retryAfterMs: error.afterMs };
  return { ...common, retryable: true };
}

/** Ends the attempt; waits out an absent Postgres, as the answer must not be lost for that. */
async function report(
  work: AcceptedWork,
  outcome: Outcome,
  options: AttemptOptions,
  stopping: AbortSignal,
): Promise<void> {
  let answer = outcome;
  for (let failures = 1; ; failures += 1) {
    try {
      await end(work, answer, options);
      return;
    } catch (error) {
      if (error instanceof EnvironmentError) {
        await sleep(fullJitter(failures, RETRY, options.random), stopping);
      } else if (!("events" in answer)) {
        throw error;
      } else {
        // What the agent returned cannot be stored: its next answer would not be better.
        answer = { failure: { ...toFailure(error), retryable: false } };
      }
    }
  }
}

async function end(work: AcceptedWork, outcome: Outcome, options: AttemptOptions): Promise<void> {
  await options.store.transaction(async (tx) => {
    if ("pause" in outcome) {
      const { afterMs, message, errorClass } = outcome.pause;
      await tx.work.postpone(work.id, work.attempt, afterMs, message, errorClass);
    } else if ("failure" in outcome) {
      const { error, errorClass } = outcome.failure;
      if (!(await tx.work.finish(work.id, work.attempt, "failed", error, errorClass))) return;
      const at = options.now().toISOString();
      await tx.ledger.append([failureEvent(work, options.agent.name, outcome.failure, at)]);
    } else if (await tx.work.finish(work.id, work.attempt, "done")) {
      await tx.ledger.append(outcome.events.map((event, index) => toRow(event, index, work, options)));
    }
  });
}

/** What the worker adds to an agent's event: a deterministic id, where it came from and what it follows from. */
function toRow(
  event: NewEvent,
  index: number,
  work: AcceptedWork,
  { agent, registry, now }: AttemptOptions,
): LedgerRow {
  const row: LedgerRow = {
    id: event.id ?? emittedEventId(work.id, event.type, index),
    occurredAt: event.occurredAt ?? now().toISOString(),
    source: event.source ?? `agent:${agent.name}`,
    subject: event.subject,
    subjectId: event.subjectId,
    type: event.type,
    schemaVersion: event.schemaVersion ?? registry.events.get(event.type)?.version ?? 1,
    payload: event.payload,
    correlationId: work.correlationId,
    causationId: work.triggeredByEventId,
  };
  checkRow(row, registry);
  return row;
}
