import { EnvironmentError } from "../../src/engine/errors.ts";
import {
  positionKey,
  type RecordBatch,
  type RecordPosition,
  type SubscribeOptions,
  type Subscription,
  type TopicPartition,
} from "../../src/engine/log.ts";
import { type Backoff, fullJitter } from "../../src/engine/retry.ts";
import { type Group, type Member, toPartition } from "./memory-groups.ts";
import type { MemoryCluster } from "./memory-log.ts";
import type { SimProcess } from "./scheduler.ts";

const HEARTBEAT_MS = 2_000;
const REJOIN: Backoff = { baseMs: 200, capMs: 10_000 };

/**
 * A member of a group. It learns of a rebalance only at its heartbeat, so that for a while two may believe that they
 * own a partition: what keeps them apart must be the store.
 */
export class MemorySubscription implements Subscription {
  #member: Member | null = null;
  #generation = -1;
  #epoch = 0;
  #next = new Map<string, TopicPartition & { topicId: string; offset: number }>();
  #closed = false;
  #stopHeartbeat = () => {};

  constructor(
    readonly cluster: MemoryCluster,
    readonly process: SimProcess,
    readonly options: SubscribeOptions,
  ) {}

  owns(batch: RecordBatch): boolean {
    return !this.#closed && batch.epoch === this.#epoch && this.#next.has(positionKey(batch));
  }

  commit(partition: TopicPartition, nextOffset: number): void {
    if (this.#next.has(positionKey(partition))) this.#group.committed.set(positionKey(partition), nextOffset);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<RecordBatch> {
    const { scheduler } = this.cluster;
    let failures = 0;
    while (!this.#stopped) {
      try {
        await scheduler.point(this.process);
        if (this.cluster.faults.down) throw new EnvironmentError("Kafka: no broker answers");
        await this.#followGroup();
        if (this.#generation !== this.#group.generation) continue;
        failures = 0;
        const batch = this.#take();
        if (batch) yield batch;
        else await this.#untilMore();
      } catch {
        this.#leave();
        this.options.onChange?.("interrupted");
        failures += 1;
        const pause = fullJitter(failures, REJOIN, scheduler.random);
        await scheduler
          .clock(this.process)
          .sleep(pause, this.options.signal)
          .catch(() => {});
      }
    }
    this.#leave();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#leave();
  }

  get #stopped(): boolean {
    return this.#closed || this.options.signal.aborted;
  }

  get #group(): Group {
    return this.cluster.groups.named(this.options.group);
  }

  /** Joins, or takes over what it was assigned meanwhile. */
  async #followGroup(): Promise<void> {
    const group = this.#group;
    if (!this.#member || !group.members.includes(this.#member)) this.#join(group);
    if (this.#generation === group.generation) return;
    this.#generation = group.generation;
    this.#epoch += 1;
    this.#giveUp();
    const mine = [...group.owners]
      .filter(([, owner]) => owner === this.#member)
      .map(([key]) => toPartition(key))
      .map((at) => ({ ...at, topicId: this.cluster.topicId(at.topic) }));
    const known = await this.options.startAt(mine);
    if (this.#generation !== this.#group.generation) return;
    for (const at of mine) {
      const key = positionKey(at);
      const offset = known.get(key) ?? group.committed.get(key) ?? 0;
      // One that the log does not hold is no position in it: the oldest there is, as nothing may be skipped.
      const [start, end] = [this.cluster.start(at), this.cluster.end(at)];
      this.#next.set(key, { ...at, offset: offset > end || offset < start ? start : offset });
      this.cluster.groups.noteHolding(this.process, this.options.group, key, true);
    }
    this.options.onChange?.("reading");
  }

  #join(group: Group): void {
    const { cluster, process, options } = this;
    const member: Member = { topics: options.topics, lastSeen: cluster.scheduler.now };
    this.#member = member;
    this.#generation = -1;
    group.members.push(member);
    this.#stopHeartbeat();
    this.#stopHeartbeat = cluster.scheduler.clock(process).every(HEARTBEAT_MS, () => {
      member.lastSeen = cluster.scheduler.now;
    });
    cluster.groups.rebalance(group);
  }

  #leave(): void {
    this.#stopHeartbeat();
    const group = this.#group;
    const member = this.#member;
    this.#member = null;
    this.#giveUp();
    if (!member || !group.members.includes(member)) return;
    group.members = group.members.filter((other) => other !== member);
    this.cluster.groups.rebalance(group);
  }

  #giveUp(): void {
    for (const key of this.#next.keys()) this.cluster.groups.noteHolding(this.process, this.options.group, key, false);
    this.#next.clear();
  }

  /** Some of the next records of some partition. */
  #take(): RecordBatch | null {
    const { scheduler } = this.cluster;
    const waiting = [...this.#next.values()].filter((at) => this.cluster.end(at) > at.offset);
    const at = waiting[scheduler.below(waiting.length)];
    if (!at) return this.#requireInRange();
    if (at.offset < this.cluster.start(at)) throw outOfRange(at);
    const limit = 1 + scheduler.below(Math.min(this.options.maxBatch, 12));
    const { topic, partition, topicId } = at;
    if (this.cluster.topicId(topic) !== topicId) throw new EnvironmentError(`Kafka: ${topic} was created anew`);
    const records = this.cluster.read(at, at.offset, limit);
    this.#next.set(positionKey(at), { ...at, offset: at.offset + records.length });
    return { topic, partition, topicId, epoch: this.#epoch, records };
  }

  /** A broker refuses to read from beyond the end of its log. */
  #requireInRange(): null {
    const beyond = [...this.#next.values()].find((at) => at.offset > this.cluster.end(at));
    if (beyond) throw outOfRange(beyond);
    return null;
  }

  #untilMore(): Promise<void> {
    return new Promise((resolve) => {
      const { signal } = this.options;
      const wake = () => {
        signal.removeEventListener("abort", wake);
        forget();
        resolve();
      };
      const forget = this.cluster.onNews(() => this.#hasNews(), wake);
      signal.addEventListener("abort", wake, { once: true });
      if (this.#stopped) wake();
    });
  }

  /** Whether there is more to read, or less than there was; or the group has changed. */
  #hasNews(): boolean {
    if (this.#generation !== this.#group.generation) return true;
    for (const at of this.#next.values()) if (this.cluster.end(at) !== at.offset) return true;
    return false;
  }
}

const outOfRange = ({ topic, offset }: RecordPosition) =>
  new EnvironmentError(`Kafka: ${topic} has no offset ${offset}`);
