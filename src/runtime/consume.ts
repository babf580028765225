import type { Clock } from "../engine/clock.ts";
import { EnvironmentError, errorClassOf, messageOf, StaleOwnerError } from "../engine/errors.ts";
import { deterministicId } from "../engine/ids.ts";
import {
  type Log,
  type LogRecord,
  positionKey,
  type RecordBatch,
  type Subscription,
  type TopicPartition,
} from "../engine/log.ts";
import type { Logger } from "../engine/logger.ts";
import { Outage, waitingFor } from "../engine/outage.ts";
import { type Backoff, fullJitter } from "../engine/retry.ts";
import type { DeadRecord, GroupPosition, Store, StoreTx, Watermark } from "../engine/store.ts";
import { type MembershipChange, secondsSince, type Telemetry } from "../engine/telemetry.ts";
import { faultPoint } from "./fault-point.ts";
import { requireKept } from "./kept.ts";

/** What a stage does with consecutive records of one partition, inside the transaction that moves its position. */
export interface Handled {
  /** How far the ledger is handled now; null: the records said nothing of it. */
  readonly watermark: Watermark | null;
  /** Runs once the transaction has committed. */
  readonly afterCommit?: () => void;
}

export interface RecordHandler {
  readonly stage: string;
  readonly group: string;
  readonly topics: readonly string[];
  readonly maxBatch: number;
  /** Waits until there is room and says for how many records; its partitions are then handled one after the other. */
  readonly room?: (signal: AbortSignal) => Promise<number>;
  /** Bytes that a record is when it is handled, where they are more than its own. */
  readonly bytesOf?: (record: LogRecord) => number;
  /** `done`: how far this partition has handled the ledger. */
  handle(batch: RecordBatch, tx: StoreTx, done: Watermark | null): Promise<Handled>;
}

export interface ConsumeContext {
  readonly log: Log;
  readonly store: Store;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly random: () => number;
}

/** A member that finds itself replaced again and again, as while a topic is made anew, asks less and less often. */
const REJOIN: Backoff = { baseMs: 100, capMs: 5_000 };
/** Batches read ahead of the one being processed, over all partitions. */
const READ_AHEAD = 6;
/** Most bytes handled in one transaction: as text, JSON and parameters they are several times as many in memory. */
const HANDLED_BYTES = 4_000_000;

/**
 * The one consume loop. Each partition's batches are handled in order, partitions side by side; effect and position
 * commit together. Environment errors wait and try again, a stale owner rejoins, and whatever else fails is cut down
 * to the record at fault, which is set aside with its bytes. Returns when the signal aborts and all is drained.
 */
export async function consume(handler: RecordHandler, context: ConsumeContext): Promise<void> {
  const gaps = new Set<string>();
  let stale = 0;
  while (!context.signal.aborted) {
    const joinedAt = context.clock.now();
    const membership = new AbortController();
    const signal = AbortSignal.any([context.signal, membership.signal]);
    try {
      await consumeOnce(handler, { ...context, signal }, membership, gaps);
    } catch (error) {
      // Stopping interrupts whatever waits; what follows (draining the agents) must still happen.
      if (context.signal.aborted) return;
      if (!(error instanceof StaleOwnerError)) throw error;
      stale = context.clock.now() - joinedAt > REJOIN.capMs ? 1 : stale + 1;
      if (stale === 1) context.logger.info(`rejoining: ${error.message}`, { stage: handler.stage });
      await context.clock.sleep(fullJitter(stale, REJOIN, context.random), context.signal).catch(() => {});
    }
  }
}

async function consumeOnce(
  handler: RecordHandler,
  context: ConsumeContext,
  membership: AbortController,
  gaps: Set<string>,
): Promise<void> {
  const positions = new Map<string, GroupPosition>();
  const onChange = (change: MembershipChange) => context.telemetry.membership(handler.stage, change);
  onChange("joining");
  await using subscription = context.log.subscribe({
    group: handler.group,
    topics: handler.topics,
    maxBatch: handler.maxBatch,
    signal: context.signal,
    onChange,
    startAt: async (partitions) => {
      const { known, elsewhere, into } = await startingPositions(context.store, handler.group, partitions);
      if (into) await requireKept(context.log, { group: handler.group, partitions, known, flowFrom: into.flowFrom });
      for (const partition of partitions) positions.delete(positionKey(partition));
      for (const [key, position] of known) positions.set(key, position);
      return new Map([...elsewhere, ...[...known].map(([key, position]) => [key, position.lastOffset + 1] as const)]);
    },
  });
  const lanes = new Map<string, Promise<void>>();
  const pending = new Set<Promise<void>>();
  let failure: unknown;
  for await (const batch of subscription) {
    const key = handler.room ? "all" : positionKey(batch);
    const work = (lanes.get(key) ?? Promise.resolve()).then(async () => {
      if (failure || context.signal.aborted) return;
      await processBatch(batch, { handler, context, positions, subscription, gaps });
    });
    const settled = work.catch((error) => {
      failure ??= error;
      membership.abort();
    });
    lanes.set(key, settled);
    pending.add(settled);
    void settled.then(() => pending.delete(settled));
    while (pending.size >= READ_AHEAD) await Promise.race(pending);
    if (failure) break;
  }
  await Promise.all(pending);
  if (failure) throw failure;
}

/**
 * Where the store says that a group is; and where it starts in partitions of which the store knows nothing. What the
 * group has committed in the log counts only as long as the ledger never went there, as a system before us may have
 * left it; later it may be a late word about a topic that was deleted since, and reading starts at the beginning.
 */
async function startingPositions(
  { positions, forwarding }: Store,
  group: string,
  partitions: readonly (TopicPartition & { topicId: string })[],
) {
  const [known, into] = await Promise.all([positions.load(group, partitions), forwarding.knownIdentity()]);
  const unknown = into ? partitions.map(positionKey).filter((key) => !known.has(key)) : [];
  return { known, elsewhere: unknown.map((key) => [key, 0] as const), into };
}

interface BatchContext {
  readonly handler: RecordHandler;
  readonly context: ConsumeContext;
  readonly positions: Map<string, GroupPosition>;
  readonly subscription: Subscription;
  /** Missing stretches of the log that were asked for twice. */
  readonly gaps: Set<string>;
}

/** Handles one batch to the end, however long the environment takes; gives up only when it is not ours any more. */
async function processBatch(batch: RecordBatch, batchContext: BatchContext): Promise<void> {
  const { handler, context, subscription } = batchContext;
  const outage = new Outage(context.random);
  for (;;) {
    if (context.signal.aborted || !subscription.owns(batch)) return;
    try {
      const allowed = (await handler.room?.(context.signal)) ?? batch.records.length;
      // While it waited for room its partition may have gone to another member.
      if (context.signal.aborted || !subscription.owns(batch)) return;
      const room = Math.min(allowed, fitting(batch.records, handler));
      if (room < batch.records.length) return await inTwo(batch, room, batchContext);
      await applyBatch(batch, batchContext);
      if (outage.over()) context.logger.info("going on", { stage: handler.stage });
      return;
    } catch (error) {
      if (error instanceof StaleOwnerError || context.signal.aborted) throw error;
      if (!(error instanceof EnvironmentError)) return isolate(batch, error, batchContext);
      const { isNews, waitMs } = outage.failed(error);
      if (isNews) context.logger.warn(waitingFor(error), { stage: handler.stage });
      await context.clock.sleep(waitMs, context.signal).catch(() => {});
    }
  }
}

/**
 * Records between our position and the batch that were never read, or a batch from before it, as a log gives that ends
 * before it. The first time, reading starts again at the position, and with a look at what the log still holds
 * (`requireKept`); what it does not miss then are gaps of its own making, and said so: nothing is jumped silently.
 */
function checkGap(batch: RecordBatch, from: GroupPosition | null, { handler, context, gaps }: BatchContext): void {
  const [first, last] = [batch.records[0], batch.records.at(-1)];
  if (!from || !first || !last) return;
  const goesOn = first.offset <= from.lastOffset + 1 && last.offset > from.lastOffset;
  if (goesOn) return;
  const where = `${batch.topic}/${batch.partition}`;
  const news =
    first.offset > from.lastOffset
      ? `${where} ${from.lastOffset + 1} to ${first.offset - 1} was not read`
      : `${where} was read from before ${from.lastOffset + 1}`;
  if (gaps.has(news)) return;
  gaps.add(news);
  context.logger.warn(news, { stage: handler.stage });
  throw new StaleOwnerError(news);
}

async function applyBatch(batch: RecordBatch, batchContext: BatchContext): Promise<void> {
  const { handler, context, positions, subscription } = batchContext;
  const key = positionKey(batch);
  const from = knownPosition(batch, positions);
  checkGap(batch, from, batchContext);
  const records = batch.records.filter((record) => record.offset > (from?.lastOffset ?? -1));
  const last = records.at(-1);
  if (!last) return;
  const startedAt = performance.now();
  using _pass = context.telemetry.pass(handler.stage, "batch");
  const { to, afterCommit } = await context.store.transaction(async (tx) => {
    const handled = await handler.handle({ ...batch, records }, tx, from?.watermark ?? null);
    faultPoint(`${handler.stage}.in-transaction`);
    const to: GroupPosition = {
      lastOffset: last.offset,
      watermark: handled.watermark ?? from?.watermark ?? null,
      topicId: batch.topicId,
    };
    await tx.positions.advance(handler.group, batch, from, to);
    faultPoint(`${handler.stage}.before-commit`);
    return { to, afterCommit: handled.afterCommit };
  });
  faultPoint(`${handler.stage}.after-commit`);
  // Amid a rebalance the map holds already where the next assignment starts.
  if (subscription.owns(batch)) positions.set(key, to);
  subscription.commit(batch, to.lastOffset + 1);
  context.telemetry.batch(handler.stage, records.length, secondsSince(startedAt));
  afterCommit?.();
}

/** Offsets of a topic that was deleted say nothing about its successor. */
function knownPosition(batch: RecordBatch, positions: ReadonlyMap<string, GroupPosition>): GroupPosition | null {
  const position = positions.get(positionKey(batch));
  return position?.topicId === batch.topicId ? position : null;
}

/** How many records at the front are handled at once: at least one. */
function fitting(records: readonly LogRecord[], { bytesOf = ownBytes }: RecordHandler): number {
  let bytes = 0;
  const beyond = records.findIndex((record, index) => {
    bytes += bytesOf(record);
    return index > 0 && bytes > HANDLED_BYTES;
  });
  return beyond < 0 ? records.length : beyond;
}

const ownBytes = ({ value }: LogRecord): number => value?.length ?? 0;

async function inTwo(batch: RecordBatch, at: number, batchContext: BatchContext): Promise<void> {
  await processBatch({ ...batch, records: batch.records.slice(0, at) }, batchContext);
  await processBatch({ ...batch, records: batch.records.slice(at) }, batchContext);
}

/** Something in the batch cannot be handled: halves it until the record stands alone, and sets that one aside. */
async function isolate(batch: RecordBatch, error: unknown, batchContext: BatchContext): Promise<void> {
  const [only] = batch.records;
  if (batch.records.length > 1) return inTwo(batch, Math.ceil(batch.records.length / 2), batchContext);
  if (!only) return;
  const { handler, context } = batchContext;
  context.logger.error(`set aside: ${messageOf(error)}`, {
    stage: handler.stage,
    topic: only.topic,
    offset: only.offset,
  });
  const { room: _, ...rest } = handler;
  const setAside: RecordHandler = {
    ...rest,
    handle: async (_batch, tx) => {
      await tx.deadLetters.put([deadRecord(handler.stage, batch.topicId, only, error)]);
      const afterCommit = () => context.telemetry.setAside(handler.stage, [errorClassOf(error)]);
      return { watermark: null, afterCommit };
    },
  };
  await processBatch(batch, { ...batchContext, handler: setAside });
}

/**
 * A record for `lifestream.dead_letters`. The same bytes are one row, whichever stage sets them aside and however often
 * they are replayed; a record without any is known by where it stood.
 */
export function deadRecord(stage: string, topicId: string, record: LogRecord, error: unknown): DeadRecord {
  const { topic, partition, offset, key, value, headers } = record;
  const place = value?.length ? [text(key), text(value)] : [topicId, partition, offset];
  return {
    id: deterministicId("record", topic, ...place),
    stage,
    topic,
    partition,
    offset,
    key,
    value,
    headers,
    error: messageOf(error),
    errorClass: errorClassOf(error),
  };
}

/** One character per byte, so that different bytes are different text. */
const text = (bytes: Uint8Array | null) => Buffer.from(bytes ?? []).toString("latin1");
