import type { DueWork, Lease, Log, NewRecord, RecordPosition, Schedule } from "../engine/ports.ts";
import { DEAD_LETTER_TOPIC } from "../engine/topics.ts";
import { toDeadLetterRecord, toWorkRecord } from "../engine/work-message.ts";
import type { Drainer } from "../runtime/drain.ts";

const BATCH = 500;
/** How often attempts without an answer and lost messages are looked for. */
const SWEEP_MS = 2_000;

export interface DispatcherOptions {
  readonly log: Log;
  readonly schedule: Schedule;
  /** Monotonic milliseconds. */
  readonly clock: () => number;
}

/**
 * The dispatcher: due work -> its topic, dead work -> the dead-letter topic. Sends first and marks then, so that a
 * crash between the two repeats a message; the agent that gets it twice finds the attempt taken.
 */
export function createDispatcher({ log, schedule, clock }: DispatcherOptions): Drainer {
  let sweepAt = 0;
  return {
    name: "dispatcher",
    channel: "work",
    pollMs: 1_000,
    nextDueInMs: () => schedule.nextDueInMs(),
    async step(lease) {
      const sent = await sendDue(log, schedule, lease);
      const buried = await sendDead(log, schedule, lease);
      if (clock() >= sweepAt) {
        sweepAt = clock() + SWEEP_MS;
        const { expired, lost } = await schedule.sweep(lease);
        if (expired + lost > 0) return true;
      }
      return sent === BATCH || buried === BATCH;
    },
  };
}

async function sendDue(log: Log, schedule: Schedule, lease: Lease): Promise<number> {
  const due = await schedule.due(BATCH);
  if (due.length === 0) return 0;
  const byTopic = Map.groupBy(due, (work) => `work.${work.type}`);
  const sent = await Promise.all(
    [...byTopic].map(async ([topic, works]) => pair(works, await log.append(topic, works.map(toWorkRecord)))),
  );
  await schedule.markQueued(lease, sent.flat());
  return due.length;
}

async function sendDead(log: Log, schedule: Schedule, lease: Lease): Promise<number> {
  const dead = await schedule.deadUnsent(BATCH);
  if (dead.length === 0) return 0;
  const records: NewRecord[] = dead.map(toDeadLetterRecord);
  await log.append(DEAD_LETTER_TOPIC, records);
  await schedule.markDeadSent(
    lease,
    dead.map((work) => work.id),
  );
  return dead.length;
}

function pair(works: readonly DueWork[], positions: readonly RecordPosition[]) {
  return works.flatMap((work, index) => {
    const position = positions[index];
    return position ? [{ id: work.id, attempt: work.attempt, position }] : [];
  });
}
