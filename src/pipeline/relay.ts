import type { Clock } from "../engine/clock.ts";
import { type DataError, EnvironmentError } from "../engine/errors.ts";
import { type Log, type LogIdentity, positionKey, type RecordPosition } from "../engine/log.ts";
import { lossIn } from "../engine/log-loss.ts";
import type { Logger } from "../engine/logger.ts";
import {
  type Forwarding,
  type KnownLog,
  type Lease,
  type Outbox,
  type OutboxRow,
  type SentRow,
  withoutPayload,
} from "../engine/store.ts";
import { secondsSince, type Telemetry } from "../engine/telemetry.ts";
import { EVENTS_TOPIC } from "../engine/topics.ts";
import type { Drainer } from "../runtime/drain.ts";
import { faultPoint } from "../runtime/fault-point.ts";
import { appendApart, isTooLarge } from "./append-apart.ts";
import { SharedPartitions } from "./shared-partitions.ts";
import { SILENCE_MS } from "./whole-topic.ts";

/** Rows in one batch: large enough to amortize commits and sends, small enough to stay under memory and latency. */
const BATCH = 1_000;

/** How often the relay asks whether the log is still the one it forwarded to, and holds what it was sent. */
const LOG_CHECK_MS = 15_000;

export interface RelayOptions {
  readonly log: Log;
  readonly outbox: Outbox;
  readonly forwarding: Forwarding;
  /** Topics whose re-creation matters. */
  readonly topics: readonly string[];
  /** Groups that must see every event. */
  readonly readers: readonly string[];
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  /** Monotonic milliseconds. */
  readonly clock: () => number;
  readonly sleep: Clock["sleep"];
}

/**
 * The outbox relay: unpublished events of the ledger -> `events.raw`, in ledger order. Marking a batch and writing
 * down the next one is one transaction; a batch whose answer is lost is sent again as it was. A re-created cluster or
 * topic is noticed by its identity, and what a log has lost by its offsets: then everything is sent again.
 */
export function createRelay(options: RelayOptions): Drainer {
  const { log, outbox, clock, telemetry } = options;
  let sent: SentRow[] = [];
  let checkAt = 0;
  /** Last offset that each partition acknowledged. */
  let reached = new Map<string, number>();
  const shared = new SharedPartitions(options);
  /** When the log was last seen to hold all that. */
  let seenAt = Number.NEGATIVE_INFINITY;
  /** What was found lost, until the ledger flows again: whoever asks anew may find it overwritten. */
  let loss: string | null = null;
  return {
    name: "relay",
    channel: "events",
    pollMs: 1_000,
    reset: () => {
      sent = [];
      checkAt = 0;
    },
    async step(lease, signal) {
      if (loss) {
        await startOver(lease, loss, options);
        loss = null;
        checkAt = 0;
      }
      if (clock() >= checkAt) {
        const followed = await followLog(lease, options);
        if (followed === "started over") {
          // Of the flow before: nothing of it is to be marked in this one.
          sent = [];
          return true;
        }
        reached = new Map(followed);
        await shared.look(lease);
        checkAt = clock() + LOG_CHECK_MS;
        seenAt = clock();
      }
      if (shared.isDue) {
        // What was sent is marked, and nothing else is written down as being sent.
        const inHand = await outbox.next(lease, 0, sent);
        sent = [];
        if (inHand.length === 0) await shared.takeMore(lease, signal);
        else shared.putOff();
      }
      const startedAt = performance.now();
      const rows = await outbox.next(lease, BATCH, sent);
      if (sent.length > 0) faultPoint("relay.after-mark");
      sent = [];
      if (rows.length === 0) return false;
      if (clock() - seenAt > SILENCE_MS && (await isShort(log, reached))) {
        checkAt = 0;
        return true;
      }
      faultPoint("relay.before-send");
      const placed = await appendApart(
        rows,
        (records) => log.append(EVENTS_TOPIC, records, shared.among),
        (row, error) => sendSmaller(row, error, { lease, among: shared.among }, options),
      );
      faultPoint("relay.after-send");
      const positions = placed.filter((position) => position !== null);
      const again = positions.find((position) => position.offset <= (reached.get(positionKey(position)) ?? -1));
      if (again) {
        loss = lostTail(again);
        return true;
      }
      seenAt = clock();
      for (const position of positions) reached.set(positionKey(position), position.offset);
      sent = rows.flatMap((row, index) => {
        const position = placed[index];
        return position ? [{ id: row.id, position }] : [];
      });
      telemetry.batch("relay", rows.length, secondsSince(startedAt));
      telemetry.forwarded(rows, secondsSince(startedAt));
      return true;
    },
  };
}

/** A row that the log refuses goes without its payload; one that is too large even so is set aside, and shown. */
async function sendSmaller(
  row: OutboxRow,
  refused: DataError,
  { lease, among }: { readonly lease: Lease; readonly among: number },
  { log, outbox, logger, telemetry }: RelayOptions,
): Promise<RecordPosition | null> {
  const smaller = withoutPayload(row);
  try {
    const [position] = await log.append(EVENTS_TOPIC, [smaller], among);
    return position ?? null;
  } catch (error) {
    if (!isTooLarge(error)) throw error;
  }
  await outbox.setAside(lease, smaller, refused);
  logger.error(`set aside: ${refused.message}`, { stage: "relay", event: row.id });
  telemetry.setAside("relay", [refused.errorClass]);
  return null;
}

/** Whether the log ends before what it has acknowledged, or is another one: `followLog` finds out which. */
async function isShort(log: Log, reached: ReadonlyMap<string, number>): Promise<boolean> {
  const ends = await log.endOffsets([EVENTS_TOPIC]);
  return [...reached].some(([key, offset]) => key.startsWith(`${EVENTS_TOPIC}:`) && (ends.get(key) ?? 0) <= offset);
}

const lostTail = ({ topic, partition, offset }: RecordPosition) =>
  `${topic}, partition ${partition}, has lost its tail: it gave out offset ${offset} once more`;

/**
 * Makes the ledger flow again where the log is another one or has lost events; else what the log has acknowledged so far, by
 * `positionKey`.
 */
async function followLog(lease: Lease, options: RelayOptions): Promise<ReadonlyMap<string, number> | "started over"> {
  const { forwarding } = options;
  const [now, known] = await Promise.all([identityOf(options), forwarding.knownIdentity()]);
  if (!known) {
    // What is gone from it by now was another system's.
    await forwarding.noteIdentity({ ...now, flowFrom: await options.log.startOffsets([EVENTS_TOPIC]) });
    return new Map();
  }
  const changed = changedTopics(known, now);
  if (changed.length > 0) {
    const reason = `${changed.join(", ")} ${changed.length === 1 ? "was" : "were"} created anew`;
    await startOver(lease, reason, options);
    return "started over";
  }
  // One that is away just now is remembered: it may come back as another.
  const topicIds = new Map([...known.topicIds, ...now.topicIds]);
  if (topicIds.size > known.topicIds.size)
    await forwarding.noteIdentity({ ...now, topicIds, flowFrom: known.flowFrom });
  const { loss, acknowledged } = await lookForLoss(known, options);
  // Looked at twice: what is asked one after the other may have moved in between.
  const reason = loss && (await lookForLoss(known, options)).loss;
  if (!reason) return acknowledged;
  await startOver(lease, reason, options);
  return "started over";
}

async function lookForLoss({ flowFrom }: KnownLog, { forwarding, log, topics, readers }: RelayOptions) {
  // Before the log is asked: it only grows meanwhile.
  const { acknowledged, places } = await forwarding.sentState();
  const [starts, ends] = await Promise.all([log.startOffsets(topics), log.endOffsets(topics)]);
  return { acknowledged, loss: lossIn({ starts, ends }, { acknowledged, places, flowFrom, readers }) };
}

async function identityOf({ log, topics }: RelayOptions): Promise<LogIdentity> {
  const now = await log.identity(topics);
  if (now.topicIds.has(EVENTS_TOPIC)) return now;
  throw new EnvironmentError(`the topic ${EVENTS_TOPIC} does not exist: run "npm run kafka:init"`);
}

/** The log as it is, with a flow that begins at its end. */
async function currentLog(options: RelayOptions): Promise<KnownLog> {
  return { ...(await identityOf(options)), flowFrom: await options.log.endOffsets([EVENTS_TOPIC]) };
}

async function startOver(lease: Lease, reason: string, options: RelayOptions): Promise<void> {
  const { forwarding, logger } = options;
  const events = await forwarding.startOver(lease, await currentLog(options), reason);
  logger.warn(`${reason}: the whole ledger flows again`, { events });
}

/** Topics that stand in the log under another id than the one they were known by. */
export function changedTopics(known: LogIdentity, now: LogIdentity): string[] {
  return [...now.topicIds].filter(([name, id]) => (known.topicIds.get(name) ?? id) !== id).map(([name]) => name);
}
