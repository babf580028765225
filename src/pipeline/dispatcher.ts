import type { DueWork, Lease, Log, NewRecord, RecordPosition, Schedule } from "../engine/ports.ts";
import { secondsSince, type Telemetry } from "../engine/telemetry.ts";
import { DEAD_LETTER_TOPIC } from "../engine/topics.ts";
import { toDeadLetterRecord, toWorkRecord } from "../engine/work-message.ts";
import type { Drainer } from "../runtime/drain.ts";
import { faultPoint } from "../runtime/fault-point.ts";

const BATCH = 500;
/** How often attempts without an answer and lost messages are looked for. */
const SWEEP_MS = 2_000;
/** How often events are looked for that were too new: once after a start, and as long as older programs run beside us. */
const TOO_NEW_MS = 300_000;

export interface DispatcherOptions {
  readonly log: Log;
  readonly schedule: Schedule;
  readonly telemetry: Telemetry;
  /** Offers events again that were too new for an earlier program. */
  readonly offerTooNew: () => Promise<void>;
  /** Monotonic milliseconds. */
  readonly clock: () => number;
}

/**
 * The dispatcher: due work -> its topic, dead work -> the dead-letter topic. Sends first and marks then, so that a
 * crash between the two repeats a message; the agent that gets it twice finds the attempt taken.
 */
export function createDispatcher(options: DispatcherOptions): Drainer {
  const { schedule, clock } = options;
  let sweepAt = 0;
  let tooNewAt = 0;
  return {
    name: "dispatcher",
    channel: "work",
    pollMs: 1_000,
    nextDueInMs: () => schedule.nextDueInMs(),
    async step(lease) {
      const sent = await sendDue(options, lease);
      const buried = await sendDead(options, lease);
      if (clock() >= sweepAt) {
        sweepAt = clock() + SWEEP_MS;
        const { expired, lost } = await schedule.sweep(lease);
        if (expired + lost > 0) return true;
      }
      if (clock() >= tooNewAt) {
        tooNewAt = clock() + TOO_NEW_MS;
        await options.offerTooNew();
      }
      return sent === BATCH || buried === BATCH;
    },
  };
}

async function sendDue({ log, schedule, telemetry }: DispatcherOptions, lease: Lease): Promise<number> {
  const startedAt = performance.now();
  const due = await schedule.due(BATCH);
  if (due.length === 0) return 0;
  faultPoint("dispatcher.before-send");
  const byTopic = Map.groupBy(due, (work) => `work.${work.type}`);
  const sent = await Promise.all(
    [...byTopic].map(async ([topic, works]) => pair(works, await log.append(topic, works.map(toWorkRecord)))),
  );
  faultPoint("dispatcher.after-send");
  await schedule.markQueued(lease, sent.flat());
  telemetry.batch("dispatcher", due.length, secondsSince(startedAt));
  telemetry.dispatched(due, secondsSince(startedAt));
  return due.length;
}

async function sendDead({ log, schedule, telemetry }: DispatcherOptions, lease: Lease): Promise<number> {
  const startedAt = performance.now();
  const dead = await schedule.deadUnsent(BATCH);
  if (dead.length === 0) return 0;
  const records: NewRecord[] = dead.map(toDeadLetterRecord);
  await log.append(DEAD_LETTER_TOPIC, records);
  await schedule.markDeadSent(
    lease,
    dead.map((work) => work.id),
  );
  telemetry.buried(dead, secondsSince(startedAt));
  return dead.length;
}

function pair(works: readonly DueWork[], positions: readonly RecordPosition[]) {
  return works.flatMap((work, index) => {
    const position = positions[index];
    return position ? [{ id: work.id, attempt: work.attempt, position }] : [];
  });
}
