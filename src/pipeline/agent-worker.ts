import { decodeJson, issues } from "../engine/decode.ts";
import { DataError, messageOf } from "../engine/errors.ts";
import type { AcceptedWork, RecordBatch } from "../engine/ports.ts";
import { sleep } from "../engine/sleep.ts";
import { workMessage } from "../engine/work-message.ts";
import { deadRecord, type RecordHandler } from "../runtime/consume.ts";
import { type AttemptOptions, runAttempt } from "./attempt.ts";

export interface AgentWorker {
  readonly handler: RecordHandler;
  /** Attempts under way or accepted and waiting for a place. */
  busy(): number;
  /** Waits for what is under way until the signal aborts, then gives the rest back, to be started elsewhere. */
  drain(deadline: AbortSignal): Promise<void>;
}

/** An agent that says nothing for this long is gone, and its attempts count as failed. */
const LEASE_MS = 20_000;
const RENEW_MS = 5_000;

/**
 * Runs an agent on its work topic. Accepting an attempt and moving the position is one transaction; from then on the
 * registry answers for it, so a slow page never holds up the partition, and heartbeats go on. Work of one subject
 * runs one at a time. The end of an attempt, its events included, is one transaction, refused when the attempt was
 * taken away meanwhile.
 */
export function createAgentWorker(options: AttemptOptions): AgentWorker {
  const { agent } = options;
  const running = new Map<string, { work: AcceptedWork; done: Promise<void> }>();
  const lanes = new Map<string, Promise<void>>();
  const stopping = new AbortController();
  let freed = Promise.withResolvers<void>();
  let restUntil = 0;
  let renewing: NodeJS.Timeout | null = null;

  const attemptsUnderWay = () => [...running.values()].map(({ work }) => ({ id: work.id, attempt: work.attempt }));
  /** Runs while there is work; a renewal that fails is made up for by the next. */
  const keepLeases = () => {
    renewing ??= setInterval(() => {
      void options.store.schedule.renew(attemptsUnderWay(), LEASE_MS).catch(() => {});
    }, RENEW_MS);
  };
  const letGo = () => {
    if (running.size > 0 || !renewing) return;
    clearInterval(renewing);
    renewing = null;
  };

  const start = (work: AcceptedWork) => {
    const before = lanes.get(work.subjectId) ?? Promise.resolve();
    const done = before
      .then(() => runAttempt(work, options, stopping.signal))
      .then((restMs) => {
        if (restMs > 0) restUntil = Math.max(restUntil, performance.now() + restMs);
      })
      .catch((error) => {
        options.logger.error(`an attempt could not be ended: ${messageOf(error)}`, { work: work.id });
      });
    lanes.set(work.subjectId, done);
    running.set(work.id, { work, done });
    keepLeases();
    void done.then(() => {
      running.delete(work.id);
      letGo();
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
        while (performance.now() < restUntil) await sleep(restUntil - performance.now(), signal);
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
        const accepted = await tx.work.accept(attempts, LEASE_MS, agent.name);
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
      if (renewing) clearInterval(renewing);
      const left = attemptsUnderWay();
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
