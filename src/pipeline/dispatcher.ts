import type { Clock } from "../engine/clock.ts";
import { EnvironmentError, LeaseLostError } from "../engine/errors.ts";
import { type Log, positionKey, type RecordPosition } from "../engine/log.ts";
import type { Logger } from "../engine/logger.ts";
import type { DueWork, Forwarding, Lease, Schedule } from "../engine/store.ts";
import { secondsSince, type Telemetry } from "../engine/telemetry.ts";
import { DEAD_LETTER_TOPIC } from "../engine/topics.ts";
import { toDeadLetterRecord, toWorkRecord } from "../engine/work-message.ts";
import type { Drainer } from "../runtime/drain.ts";
import { faultPoint } from "../runtime/fault-point.ts";
import { appendApart } from "./append-apart.ts";
import { ClosedTopics } from "./closed-topics.ts";
import { sentLetters } from "./sent-letters.ts";
import { endsOfWhole, SILENCE_MS } from "./whole-topic.ts";

const BATCH = 500;
/** How often attempts without an answer and lost messages are looked for. */
const SWEEP_MS = 2_000;
/** How often messages are looked for that retention deleted before an agent took them. */
const DELETED_MS = 15_000;
/**
 * How often events are looked for that were too new: once after a start, and then more and more rarely, as each offer is
 * an event of the ledger, and an older program beside us sets them aside again.
 */
const TOO_NEW_MS = 300_000;
const TOO_NEW_MOST_MS = 86_400_000;
/** Reading dead letters back is given up after this: what was there when it began may be gone by now. */
const READ_BACK_MS = 30_000;

export interface DispatcherOptions {
  readonly log: Log;
  readonly schedule: Schedule;
  readonly forwarding: Forwarding;
  /** Of the messages to agents. */
  readonly topics: readonly string[];
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  /** Offers events again that were too new for an earlier program. Returns how many. */
  readonly offerTooNew: () => Promise<number>;
  readonly clock: Pick<Clock, "now" | "deadline">;
}

/** Longer than this after the database confirmed whose lease it is, somebody else may well have it. */
const HELD_MS = 3_000;

/**
 * The dispatcher: due work -> its topic, dead work -> the dead-letter topic. Sends first and marks then, so that a
 * crash between the two repeats a message; the agent that gets it twice finds the attempt taken. A topic that takes
 * nothing holds up neither the others nor the sweep.
 */
export function createDispatcher(options: DispatcherOptions): Drainer {
  const { schedule } = options;
  const clock = options.clock.now;
  const closed = new ClosedTopics(clock);
  let sweepAt = 0;
  let deletedAt = 0;
  let tooNewAt = 0;
  let tooNewMs = TOO_NEW_MS;
  return {
    name: "dispatcher",
    channel: "work",
    pollMs: 1_000,
    // What waits for a closed topic is long due.
    nextDueInMs: async () => (closed.reason ? null : schedule.nextDueInMs()),
    trouble: () => closed.reason,
    reset: () => closed.clear(),
    async step(lease, signal) {
      if (clock() >= sweepAt) {
        sweepAt = clock() + SWEEP_MS;
        const { expired, lost } = await schedule.sweep(lease);
        if (expired + lost > 0) return true;
      }
      const wasOpen = closed.reason === null;
      const pass = { lease, signal, closed };
      const sent = await sendDue(options, pass);
      const buried = await sendDead(options, pass);
      // Nothing is taken at all: the log is away, which is the loop's to wait for.
      if (wasOpen && closed.reason && sent + buried === 0) throw closed.reason;
      if (clock() >= deletedAt) {
        deletedAt = clock() + DELETED_MS;
        if ((await sendDeletedAgain(lease, options)) > 0) return true;
      }
      if (clock() >= tooNewAt) {
        tooNewAt = clock() + tooNewMs;
        const offered = await options.offerTooNew();
        tooNewMs = offered > 0 ? Math.min(tooNewMs * 2, TOO_NEW_MOST_MS) : TOO_NEW_MS;
      }
      return sent === BATCH || buried === BATCH;
    },
  };
}

/** Agents learn of no message that retention deleted before them where none comes in behind it. */
async function sendDeletedAgain(lease: Lease, { log, schedule, topics, logger }: DispatcherOptions): Promise<number> {
  const starts = await log.startOffsets(topics);
  const again = await schedule.requeueDeleted(lease, starts);
  if (again > 0)
    logger.warn("retention deleted messages before an agent took them: sending them again", { work: again });
  return again;
}

/** What one step works under. */
interface Pass {
  readonly lease: Lease;
  readonly signal: AbortSignal;
  readonly closed: ClosedTopics;
}

/** Returns how many could be sent. */
async function sendDue(options: DispatcherOptions, { lease, closed }: Pass): Promise<number> {
  const { schedule, telemetry } = options;
  const startedAt = performance.now();
  const due = await schedule.due(BATCH, closed.topics);
  if (due.length === 0) return 0;
  faultPoint("dispatcher.before-send");
  const byTopic = Map.groupBy(due, (work) => `work.${work.type}`);
  const sends = await Promise.allSettled(
    [...byTopic].map(([topic, works]) => closed.send(topic, () => sendWork(topic, works, lease, options))),
  );
  faultPoint("dispatcher.after-send");
  const sent = sends.flatMap((send) => (send.status === "fulfilled" ? (send.value ?? []) : []));
  await schedule.markQueued(lease, sent);
  const failed = sends.find((send) => send.status === "rejected");
  if (failed) throw failed.reason;
  telemetry.batch("dispatcher", sent.length, secondsSince(startedAt));
  telemetry.dispatched(
    sent.map(({ work }) => work),
    secondsSince(startedAt),
  );
  return sent.length;
}

interface SentWork {
  readonly id: string;
  readonly attempt: number;
  readonly position: RecordPosition;
  readonly work: DueWork;
}

/** Work whose message no topic takes has failed for good. */
async function sendWork(
  topic: string,
  works: readonly DueWork[],
  lease: Lease,
  { log, schedule }: DispatcherOptions,
): Promise<SentWork[]> {
  const positions = await appendApart(
    works.map((work) => ({ ...toWorkRecord(work), work })),
    (records) => log.append(topic, records),
    async ({ work }, error) => {
      await schedule.giveUp(lease, work, error);
      return null;
    },
  );
  return works.flatMap((work, index) => {
    const position = positions[index];
    return position ? [{ id: work.id, attempt: work.attempt, position, work }] : [];
  });
}

/**
 * Returns how many could be sent, or had been. Where the topic ended is written down before: of letters that were sent and
 * not marked, by whomever, those that it holds from there on are not sent again.
 */
async function sendDead(options: DispatcherOptions, { lease, signal, closed }: Pass): Promise<number> {
  const { log, schedule, telemetry, clock } = options;
  if (closed.topics.includes(DEAD_LETTER_TOPIC)) return 0;
  const startedAt = performance.now();
  const dead = await schedule.deadUnsent(BATCH);
  if (dead.length === 0) return 0;
  const buried = await closed.send(DEAD_LETTER_TOPIC, async () => {
    const from = await schedule.unmarkedFrom();
    if (from) return sentLetters(log, from, AbortSignal.any([signal, clock.deadline(READ_BACK_MS)]));
    const lookedAt = clock.now();
    const ends = await endsOfWhole(DEAD_LETTER_TOPIC, options);
    const askedAt = clock.now();
    await schedule.beginDeadLetters(lease, ends);
    // Kafka does not ask whose turn it is: a process that was frozen here may have been replaced since.
    if (clock.now() - askedAt > HELD_MS) throw new LeaseLostError("the dispatcher's lease may be gone");
    if (clock.now() - lookedAt > SILENCE_MS) await endsOfWhole(DEAD_LETTER_TOPIC, options);
    const sentTo = await bury(dead, log);
    faultPoint("dispatcher.after-burial");
    await requireBehind(ends, sentTo, lease, options);
    return { letters: dead, sentTo };
  });
  if (!buried) return 0;
  await schedule.markDeadSent(lease, buried.letters, buried.sentTo);
  if (buried.letters !== dead) return sendDead(options, { lease, signal, closed });
  telemetry.buried(dead, secondsSince(startedAt));
  return dead.length;
}

/** A topic that gives out places from before where it ended has lost its tail meanwhile, which is covered by now. */
async function requireBehind(
  ends: ReadonlyMap<string, number>,
  sentTo: readonly RecordPosition[],
  lease: Lease,
  { schedule }: DispatcherOptions,
): Promise<void> {
  if (sentTo.every((position) => position.offset >= (ends.get(positionKey(position)) ?? 0))) return;
  await schedule.resendDeadLetters(lease);
  throw new EnvironmentError(`${DEAD_LETTER_TOPIC} has lost its tail: what it lacks is sent again`);
}

/** A dead letter that is too large goes without what the work was to work on. */
async function bury(dead: readonly DueWork[], log: Log): Promise<RecordPosition[]> {
  const positions = await appendApart(
    dead.map((work) => ({ ...toDeadLetterRecord(work), work })),
    (records) => log.append(DEAD_LETTER_TOPIC, records),
    async ({ work }) => {
      const [position] = await log.append(DEAD_LETTER_TOPIC, [toDeadLetterRecord({ ...work, payload: {} })]);
      return position ?? null;
    },
  );
  return positions.filter((position) => position !== null);
}
