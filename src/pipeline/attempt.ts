import type { Agent } from "../engine/agent.ts";
import type { Clock } from "../engine/clock.ts";
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
import type { Registry } from "../engine/registry.ts";
import { type Backoff, fullJitter } from "../engine/retry.ts";
import type { AcceptedWork, LedgerRow, Store } from "../engine/store.ts";
import { type AttemptEnd, secondsSince, type Telemetry } from "../engine/telemetry.ts";
import { type Failure, failureEvent } from "../engine/work-failed.ts";
import { faultPoint } from "../runtime/fault-point.ts";

export interface AttemptOptions {
  readonly agent: Agent;
  readonly registry: Registry;
  readonly store: Store;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  readonly random: () => number;
}

/** Ending an attempt waits out an absent Postgres with these pauses. */
const RETRY: Backoff = { baseMs: 200, capMs: 5_000 };

type Outcome =
  | { readonly events: readonly NewEvent[] }
  | { readonly failure: Failure }
  | { readonly pause: PauseError };

/** What became of an attempt. */
type End = Pick<AttemptEnd, "outcome" | "errorClass" | "events">;

const LOST: End = { outcome: "lost", errorClass: null, events: [] };

/**
 * One attempt from start to its end in the ledger. Returns for how many milliseconds the agent as a whole should rest:
 * 0 unless it said that nothing can work just now.
 */
export async function runAttempt(work: AcceptedWork, options: AttemptOptions, stopping: AbortSignal): Promise<number> {
  if (stopping.aborted) return 0;
  const { agent, logger, telemetry, clock } = options;
  const startedAt = performance.now();
  const log = logger.child({ agent: agent.name, subject: work.subjectId, attempt: work.attempt });
  let outcome: Outcome;
  faultPoint("agent.before-effect");
  try {
    const events = await telemetry.during(work, () => withDeadline(agent, work, stopping, log, clock));
    outcome = { events };
  } catch (error) {
    if (stopping.aborted) return 0;
    outcome = toOutcome(error);
    log.warn(messageOf(error), { class: errorClassOf(error) });
  }
  faultPoint("agent.after-effect");
  const end = await report(work, outcome, options, stopping);
  faultPoint("agent.after-report");
  telemetry.attempted(work, { ...end, agent: agent.name, seconds: secondsSince(startedAt) });
  return "pause" in outcome ? outcome.pause.afterMs : 0;
}

/** Long enough for a server to come back. */
const AWAY_MS = 5_000;

/** An attempt that met a server of ours that was away says nothing about the work: it does not count. */
function toOutcome(error: unknown): Outcome {
  if (error instanceof PauseError) return { pause: error };
  if (error instanceof EnvironmentError) return { pause: new PauseError(error.message, AWAY_MS, "server_away") };
  return { failure: toFailure(error) };
}

/** The agent's answer, or an error at its deadline even if it never answers. */
async function withDeadline(agent: Agent, work: AcceptedWork, stopping: AbortSignal, log: Logger, clock: Clock) {
  const late = clock.deadline(agent.timeoutMs);
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
    return await Promise.race([
      agent.run({ ...work, payload: payload.value }, { signal, log, now: clock.date }),
      aborted.promise,
    ]);
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
): Promise<End> {
  let answer = outcome;
  for (let failures = 1; ; failures += 1) {
    try {
      return await end(work, answer, options);
    } catch (error) {
      if (error instanceof EnvironmentError) {
        await options.clock.sleep(fullJitter(failures, RETRY, options.random), stopping);
      } else if (!("events" in answer)) {
        throw error;
      } else {
        // What the agent returned cannot be stored: its next answer would not be better.
        answer = { failure: { ...toFailure(error), retryable: false } };
      }
    }
  }
}

async function end(work: AcceptedWork, outcome: Outcome, options: AttemptOptions): Promise<End> {
  return options.store.transaction(async (tx) => {
    if ("pause" in outcome) {
      const { afterMs, message, errorClass } = outcome.pause;
      await tx.work.postpone(work.id, work.attempt, afterMs, message, errorClass);
      return { outcome: "paused", errorClass, events: [] };
    }
    if ("failure" in outcome) {
      const { error, errorClass } = outcome.failure;
      if (!(await tx.work.finish(work.id, work.attempt, "failed", error, errorClass))) return LOST;
      const at = options.clock.date().toISOString();
      const row = failureEvent(work, options.agent.name, outcome.failure, at);
      await tx.ledger.append([row]);
      return { outcome: "failed", errorClass, events: [row.id] };
    }
    if (!(await tx.work.finish(work.id, work.attempt, "done"))) return LOST;
    const rows = outcome.events.map((event, index) => toRow(event, index, work, options));
    await tx.ledger.append(rows);
    return { outcome: "done", errorClass: null, events: rows.map((row) => row.id) };
  });
}

/** What the worker adds to an agent's event: a deterministic id, where it came from and what it follows from. */
function toRow(
  event: NewEvent,
  index: number,
  work: AcceptedWork,
  { agent, registry, clock }: AttemptOptions,
): LedgerRow {
  const row: LedgerRow = {
    id: event.id ?? emittedEventId(work.id, event.type, index),
    occurredAt: event.occurredAt ?? clock.date().toISOString(),
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
