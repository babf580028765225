import { EnvironmentError, messageOf } from "../../engine/errors.ts";
import {
  positionKey,
  type RecordBatch,
  type SubscribeOptions,
  type Subscription,
  type TopicPartition,
} from "../../engine/log.ts";
import type { Logger } from "../../engine/logger.ts";
import { Outage, waitingFor } from "../../engine/outage.ts";
import { within } from "../../engine/patience.ts";
import { Bell } from "./bell.ts";
import { type Ask, groupSignal, type LogDb, topicSignal } from "./database.ts";
import { type Cursor, fetchRecords, startingPoints } from "./fetch.ts";
import { HANDOVER_MS, Member } from "./member.ts";
import type { Wake } from "./wake.ts";

/** A member that died without a word is replaced after this long. */
export const SESSION_MS = 10_000;
/** Leaving waits no longer for a Postgres that is away: the session ends by itself. */
const LEAVE_MS = 3_000;

export interface SubscriptionParts {
  readonly db: LogDb;
  readonly wake: Wake;
  readonly logger: Logger;
  readonly ask: Ask;
}

/** A member of a group of the log in Postgres: one loop keeps its place, one reads what it owns. */
export class EmbeddedSubscription implements Subscription {
  #parts: SubscriptionParts;
  #options: SubscribeOptions;
  #member: Member;
  /** There may be something to read, or to stop for. */
  #bell = new Bell();
  /** There may be something to own. */
  #pulse = new Bell();
  #cursors = new Map<number, Cursor>();
  #beating: Promise<void> | null = null;
  #inPlace = false;
  #outage = new Outage(Math.random);
  #closed = false;

  constructor(parts: SubscriptionParts, options: SubscribeOptions) {
    this.#parts = parts;
    this.#options = options;
    const { group, topics, signal } = options;
    const membership = { id: crypto.randomUUID(), group, topics, sessionMs: SESSION_MS };
    this.#member = new Member(parts.db, membership, () => {
      options.onChange?.("assigned");
      this.#bell.ring();
    });
    signal.addEventListener("abort", () => this.#ringBoth(), { once: true });
  }

  owns(batch: RecordBatch): boolean {
    return this.#member.owns(batch);
  }

  commit(partition: TopicPartition, nextOffset: number): void {
    this.#member.commit(partition, nextOffset);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<RecordBatch> {
    const { topics, group } = this.#options;
    const signals = topics.map(topicSignal);
    const deaf = [
      this.#parts.wake.on(signals, this.#bell),
      this.#parts.wake.on([...signals, groupSignal(group)], this.#pulse),
    ];
    this.#beating = this.#keepPlace();
    try {
      while (!this.#stopped()) {
        try {
          const batches = await this.#untilStopped(this.#read());
          for (const batch of batches ?? []) if (!this.#stopped() && this.owns(batch)) yield batch;
          if (batches?.length === 0) await this.#bell.wait(this.#parts.wake.pollMs);
        } catch (error) {
          await this.#bell.wait(this.#interrupted(error));
        }
      }
    } finally {
      for (const off of deaf) off();
      // Whoever iterated may still be busy with a batch: disposing leaves at once, else it happens a little later.
      setTimeout(() => void this[Symbol.asyncDispose](), HANDOVER_MS);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#ringBoth();
    if (this.#beating) await within(LEAVE_MS, this.#leave(), () => undefined).catch(() => {});
  }

  /** In this order, or a beat under way would join again. */
  async #leave(): Promise<void> {
    await this.#beating;
    await this.#member.leave();
  }

  #stopped(): boolean {
    return this.#closed || this.#options.signal.aborted;
  }

  #ringBoth(): void {
    this.#bell.ring();
    this.#pulse.ring();
  }

  async #keepPlace(): Promise<void> {
    while (!this.#stopped()) {
      const nextMs = await this.#beat();
      if (!this.#stopped()) await this.#pulse.wait(nextMs);
    }
  }

  /** Says in how many milliseconds to beat again. */
  async #beat(): Promise<number> {
    try {
      const nextMs = await this.#parts.ask(() => this.#member.beat());
      this.#inPlace = true;
      return nextMs;
    } catch (error) {
      this.#inPlace = false;
      return this.#interrupted(error);
    }
  }

  /** What there is to read now of all that is owned, a batch for each partition. */
  async #read(): Promise<RecordBatch[]> {
    const { ask, db } = this.#parts;
    await this.#openAssigned();
    const cursors = [...this.#cursors.values()];
    if (cursors.length === 0) return [];
    const { records: fetched, beyond } = await ask(() => fetchRecords(db, cursors, this.#options.maxBatch));
    // Opened anew: whoever knows the positions says what that means.
    for (const epoch of beyond) this.#cursors.delete(epoch);
    if (this.#inPlace) this.#goesOn();
    const batches: RecordBatch[] = [];
    for (const { topic, partition, topic_id: topicId, epoch } of cursors) {
      const records = fetched.get(epoch);
      const last = records?.at(-1);
      const cursor = this.#cursors.get(epoch);
      if (!records || !last || !cursor) continue;
      this.#cursors.set(epoch, { ...cursor, next: last.offset + 1 });
      batches.push({ topic, partition, topicId, epoch, records });
    }
    return batches;
  }

  /** Cursors for exactly what is assigned now; where each starts is asked once per assignment. */
  async #openAssigned(): Promise<void> {
    const { owned } = this.#member;
    const epochs = new Set(owned.map(({ epoch }) => epoch));
    for (const epoch of this.#cursors.keys()) if (!epochs.has(epoch)) this.#cursors.delete(epoch);
    const unopened = owned.filter(({ epoch }) => !this.#cursors.has(epoch));
    if (unopened.length === 0) return;
    const known = await this.#options.startAt(
      unopened.map(({ topic, partition, topic_id }) => ({ topic, partition, topicId: topic_id })),
    );
    const { ask, db } = this.#parts;
    const opened = await ask(() => startingPoints(db, unopened, (assignment) => known.get(positionKey(assignment))));
    for (const cursor of opened) this.#cursors.set(cursor.epoch, cursor);
    this.#options.onChange?.("reading");
  }

  /** The answer, or null as soon as this subscription stops. */
  async #untilStopped<T>(question: Promise<T>): Promise<T | null> {
    const { signal } = this.#options;
    question.catch(() => {});
    let stop: () => void = () => {};
    const stopped = new Promise<null>((resolve) => {
      stop = () => resolve(null);
      signal.addEventListener("abort", stop, { once: true });
    });
    if (signal.aborted) return null;
    return Promise.race([question, stopped]).finally(() => signal.removeEventListener("abort", stop));
  }

  /** Says how long to wait before the next try. */
  #interrupted(error: unknown): number {
    const problem = error instanceof Error ? error : new EnvironmentError(messageOf(error));
    const { group, onChange } = this.#options;
    if (this.#outage.failures === 0) onChange?.("interrupted");
    const { isNews, waitMs } = this.#outage.failed(problem);
    if (isNews && !this.#stopped()) this.#parts.logger.warn(waitingFor(problem), { group });
    return waitMs;
  }

  #goesOn(): void {
    if (this.#outage.failures === 0) return;
    this.#options.onChange?.("reading");
    if (this.#outage.over()) this.#parts.logger.info("reading again", { group: this.#options.group });
  }
}
