import type { Clock } from "../engine/clock.ts";
import { type Log, positionKey } from "../engine/log.ts";
import type { Logger } from "../engine/logger.ts";
import { sharedAmong } from "../engine/partition.ts";
import type { Forwarding, Lease } from "../engine/store.ts";
import { EVENTS_TOPIC } from "../engine/topics.ts";

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

/** From one try to share keys among added partitions to the next. */
const PAUSE_MS = 20_000;
/** Readers get so long to read everything, while nothing is sent. */
const READ_WITHIN_MS = 3_000;
/** Who is further behind does not get there in that time, and nobody is held up for it. */
const NEARLY_READ = 5_000;
const LOOK_MS = 50;

/**
 * Among how many partitions of `events.raw` keys are shared. Where some were added, all stays as it was until everything
 * sent so far has been read: a subject whose events lie in two partitions would be read out of order.
 */
export class SharedPartitions {
  readonly #options: SharingOptions;
  #among = 1;
  #there = 1;
  #nextTryAt = 0;
  #hasTold = false;

  constructor(options: SharingOptions) {
    this.#options = options;
  }

  /** Keys are shared among so many, the first ones. */
  get among(): number {
    return this.#among;
  }

  /** There are others that could be taken, and it is time to try. */
  get isDue(): boolean {
    return this.#there > this.#among && this.#options.clock() >= this.#nextTryAt;
  }

  /** Looks what is written down, and how many there are; among all of them, where nothing is written down yet. */
  async look(lease: Lease): Promise<void> {
    const { log, forwarding } = this.#options;
    const there = (await log.endOffsets([EVENTS_TOPIC])).size;
    const known = await forwarding.partitions();
    if (known === null) await forwarding.sharePartitions(lease, there);
    [this.#among, this.#there] = [sharedAmong(EVENTS_TOPIC, there, known ?? there), there];
  }

  /** Takes those that were added, once all is read; where readers do not get there within a moment, nothing changes. */
  async takeMore(lease: Lease, signal: AbortSignal): Promise<void> {
    const { forwarding, logger } = this.#options;
    this.#nextTryAt = this.#options.clock() + PAUSE_MS;
    if (!(await this.#untilRead(signal))) return;
    const [before, there] = [this.#among, this.#there];
    if (!(await forwarding.sharePartitions(lease, there))) return;
    this.#among = there;
    this.#hasTold = false;
    logger.info(`keys are shared among ${there} partitions of ${EVENTS_TOPIC} from now on`, { before });
  }

  /** Puts the next try off: there was a batch under way. */
  putOff(): void {
    this.#nextTryAt = this.#options.clock() + PAUSE_MS;
  }

  /** True once everything sent is read; false when that takes too long, which is told once. */
  async #untilRead(signal: AbortSignal): Promise<boolean> {
    const { clock, sleep } = this.#options;
    const until = clock() + READ_WITHIN_MS;
    for (;;) {
      const behind = await this.#furthestBehind();
      if (behind.records === 0) return true;
      if (behind.records > NEARLY_READ || clock() >= until || signal.aborted) {
        this.#tell(behind);
        return false;
      }
      await sleep(LOOK_MS, signal).catch(() => {});
    }
  }

  #tell({ group, records }: { readonly group: string; readonly records: number }): void {
    if (this.#hasTold) return;
    this.#hasTold = true;
    const more = this.#there - this.#among;
    this.#options.logger.info(
      `${more} more partitions of ${EVENTS_TOPIC} wait until ${group} has read all that was sent: it is tried again by itself`,
      { unread: records },
    );
  }

  async #furthestBehind(): Promise<{ group: string; records: number }> {
    const { log, forwarding, readers } = this.#options;
    const known = await forwarding.knownIdentity();
    const { places } = await forwarding.sentState();
    const starts = await log.startOffsets([EVENTS_TOPIC]);
    const ends = await log.endOffsets([EVENTS_TOPIC]);
    const readTo = new Map(places.map((place) => [`${place.group}/${positionKey(place)}`, place.lastOffset + 1]));
    const unread = (group: string) =>
      [...ends].reduce((sum, [key, end]) => {
        const begin = Math.max(starts.get(key) ?? 0, known?.flowFrom.get(key) ?? 0);
        return sum + Math.max(0, end - Math.max(begin, readTo.get(`${group}/${key}`) ?? 0));
      }, 0);
    const groups = readers.map((group) => ({ group, records: unread(group) }));
    return groups.toSorted((a, b) => b.records - a.records)[0] ?? { group: "nobody", records: 0 };
  }
}
