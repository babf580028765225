import type { Agent } from "../engine/agent.ts";
import { checkRow, decodeJson, issues } from "../engine/decode.ts";
import {
  DataError,
  EnvironmentError,
  errorClassOf,
  messageOf,
  RetryLaterError,
  TerminalError,
} from "../engine/errors.ts";
import type { NewEvent } from "../engine/event.ts";
import { emittedEventId } from "../engine/ids.ts";
import type { Logger } from "../engine/logger.ts";
import type { AcceptedWork, LedgerRow, RecordBatch, Store } from "../engine/ports.ts";
import type { Registry } from "../engine/registry.ts";
import { type Backoff, fullJitter } from "../engine/retry.ts";
import { sleep } from "../engine/sleep.ts";
import { type Failure, failureEvent } from "../engine/work-failed.ts";
import { workMessage } from "../engine/work-message.ts";
import { deadRecord, type RecordHandler } from "../runtime/consume.ts";

export interface AgentWorkerOptions {
  readonly agent: Agent;
  readonly registry: Registry;
  readonly store: Store;
  readonly logger: Logger;
  readonly now: () => Date;
  readonly random: () => number;
}

export interface AgentWorker {
  readonly handler: RecordHandler;
  /** Attempts under way or accepted and waiting for a place. */
  busy(): number;
  /** Waits for what is under way until the signal aborts, then gives the rest back, to be started elsewhere. */
  drain(deadline: AbortSignal): Promise<void>;
}

/** Beyond the agent's own deadline before others may take an attempt over: ending it takes a moment too. */
const LEASE_MARGIN_MS = 30_000;
const RETRY: Backoff = { baseMs: 200, capMs: 5_000 };

/**
 * Runs an agent on its work topic. Accepting an attempt and moving the position is one transaction; from then on the
 * registry answers for it, so a slow page never holds up the partition, and heartbeats go on. Work of one subject
 * runs one at a time. The end of an attempt, its events included, is one transaction, refused when the attempt was
 * taken away meanwhile.
 */
export function createAgentWorker(options: AgentWorkerOptions): AgentWorker {
  const { agent } = options;
  const running = new Map<string, { work: AcceptedWork; done: Promise<void> }>();
  const lanes = new Map<string, Promise<void>>();
  const stopping = new AbortController();
  let freed = Promise.withResolvers<void>();

  const start = (work: AcceptedWork) => {
    const before = lanes.get(work.subjectId) ?? Promise.resolve();
    const done = before
      .then(() => attempt(work, options, stopping.signal))
      .catch((error) => {
        options.logger.error(`an attempt could not be ended: ${messageOf(error)}`, { work: work.id });
      });
    lanes.set(work.subjectId, done);
    running.set(work.id, { work, done });
    void done.then(() => {
      running.delete(work.id);
      if (lanes.get(work.subjectId) === done) lanes.delete(work.subjectId);
      freed.resolve();
      freed = Promise.withResolvers<void>();
    });
  };

  return {
    busy: () => running.size,
    handler: {
      stage: agent.name,
      group: agent.group,
      topics: [agent.handles.topic],
      maxBatch: agent.concurrency,
      async room(signal) {
        const aborted = Promise.withResolvers<void>();
        const onAbort = () => aborted.resolve();
        signal.addEventListener("abort", onAbort, { once: true });
        while (running.size >= agent.concurrency && !signal.aborted)
          await Promise.race([freed.promise, aborted.promise]);
        signal.removeEventListener("abort", onAbort);
        return agent.concurrency - running.size;
      },
      async handle(batch, tx) {
        const { attempts, bad } = decodeAttempts(batch);
        await tx.deadLetters.put(bad);
        const accepted = await tx.work.accept(attempts, agent.timeoutMs + LEASE_MARGIN_MS, agent.name);
        return { lastPosition: null, afterCommit: () => accepted.forEach(start) };
      },
    },
    async drain(deadline) {
      const all = Promise.all([...running.values()].map(({ done }) => done));
      const late = new Promise<void>((resolve) => {
        if (deadline.aborted) resolve();
        deadline.addEventListener("abort", () => resolve(), { once: true });
      });
      await Promise.race([all, late]);
      if (running.size === 0) return;
      stopping.abort();
      const left = [...running.values()].map(({ work }) => ({ id: work.id, attempt: work.attempt }));
      options.logger.info(`giving back ${left.length} unfinished work items`, { stage: agent.name });
      await options.store.transaction((tx) => tx.work.release(left));
    },
  };
}

function decodeAttempts(batch: RecordBatch) {
  const attempts: { id: string; attempt: number }[] = [];
  const bad = batch.records.flatMap((record) => {
    try {
      const parsed = workMessage.safeParse(decodeJson(record));
      if (!parsed.success) {
        throw new DataError(`the work message is malformed: ${issues(parsed.error.issues)}`, "wrong_shape");
      }
      attempts.push({ id: parsed.data.id, attempt: parsed.data.attempt });
      return [];
    } catch (error) {
      return [deadRecord("agent", batch.topicId, record, error)];
    }
  });
  return { attempts, bad };
}

type Outcome = { readonly events: readonly NewEvent[] } | { readonly failure: Failure };

/** One attempt from start to its end in the ledger. */
async function attempt(work: AcceptedWork, options: AgentWorkerOptions, stopping: AbortSignal): Promise<void> {
  if (stopping.aborted) return;
  const { agent, logger, now } = options;
  const log = logger.child({ agent: agent.name, subject: work.subjectId, attempt: work.attempt });
  let outcome: Outcome;
  try {
    const events = await withDeadline(agent, work, stopping, log, now);
    outcome = { events };
  } catch (error) {
    if (stopping.aborted) return;
    outcome = { failure: toFailure(error) };
    log.warn(outcome.failure.error, { class: outcome.failure.errorClass });
  }
  await report(work, outcome, options, stopping);
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
  options: AgentWorkerOptions,
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
      } else if ("failure" in answer) {
        throw error;
      } else {
        // What the agent returned cannot be stored: its next answer would not be better.
        answer = { failure: { ...toFailure(error), retryable: false } };
      }
    }
  }
}

async function end(work: AcceptedWork, outcome: Outcome, options: AgentWorkerOptions): Promise<void> {
  await options.store.transaction(async (tx) => {
    if ("failure" in outcome) {
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
  { agent, registry, now }: AgentWorkerOptions,
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
