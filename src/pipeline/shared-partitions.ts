import type { Clock } from "../engine/clock.ts";
import { type Log, positionKey } from "../engine/log.ts";
import type { Logger } from "../engine/logger.ts";
import type { Forwarding, Lease } from "../engine/store.ts";
import { EVENTS_TOPIC } from "../engine/topics.ts";

/** Partitions of `events.raw`: among how many keys are shared, and how many there are. */
export interface Shared {
  readonly among: number;
  readonly there: number;
}

export interface SharingOptions {
  readonly log: Log;
  readonly forwarding: Forwarding;
  /** Groups that must see every event. */
  readonly readers: readonly string[];
  readonly logger: Logger;
  /** Monotonic milliseconds. */
  readonly clock: () => number;
  readonly sleep: Clock["sleep"];
}

/** Readers get so long to read everything, while nothing is sent. */
const READ_WITHIN_MS = 3_000;
const LOOK_MS = 50;

/** How keys are shared; among all that there are, where nothing is written down yet. */
export async function sharedPartitions(lease: Lease, { log, forwarding }: SharingOptions): Promise<Shared> {
  const there = (await log.endOffsets([EVENTS_TOPIC])).size;
  const known = await forwarding.partitions();
  if (known !== null) return { among: Math.min(known, there), there };
  await forwarding.sharePartitions(lease, there);
  return { among: there, there };
}

/**
 * Shares keys among partitions that were added, once everything sent so far has been read: a subject whose events lie in
 * two partitions would be read out of order. Where readers do not get there within a moment, all stays as it was.
 */
export async function takeMore(
  shared: Shared,
  lease: Lease,
  options: SharingOptions,
  signal: AbortSignal,
): Promise<Shared> {
  const { forwarding, logger, clock, sleep } = options;
  const until = clock() + READ_WITHIN_MS;
  while (!(await isAllRead(options))) {
    if (clock() >= until || signal.aborted) return shared;
    await sleep(LOOK_MS, signal).catch(() => {});
  }
  const { among, there } = shared;
  if (!(await forwarding.sharePartitions(lease, there))) return shared;
  logger.info(`keys are shared among ${there} partitions of ${EVENTS_TOPIC} from now on`, { before: among });
  return { among: there, there };
}

async function isAllRead({ log, forwarding, readers }: SharingOptions): Promise<boolean> {
  const known = await forwarding.knownIdentity();
  const { places } = await forwarding.sentState();
  const starts = await log.startOffsets([EVENTS_TOPIC]);
  const ends = await log.endOffsets([EVENTS_TOPIC]);
  const readTo = new Map(places.map((place) => [`${place.group}/${positionKey(place)}`, place.lastOffset + 1]));
  return [...ends].every(([key, end]) => {
    const begin = Math.max(starts.get(key) ?? 0, known?.flowFrom.get(key) ?? 0);
    return readers.every((group) => Math.max(begin, readTo.get(`${group}/${key}`) ?? 0) >= end);
  });
}
