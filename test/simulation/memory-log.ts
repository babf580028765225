import { DataError, EnvironmentError } from "../../src/engine/errors.ts";
import {
  type Log,
  type LogIdentity,
  type LogRecord,
  type NewRecord,
  positionKey,
  type RecordBatch,
  type RecordPosition,
  type SubscribeOptions,
  type Subscription,
  type TopicPartition,
  type TopicSurvey,
} from "../../src/engine/log.ts";
import { partitionOf } from "../../src/engine/partition.ts";
import { type Backoff, fullJitter } from "../../src/engine/retry.ts";
import type { TopicDefinition } from "../../src/engine/topics.ts";
import { type Scheduler, SimProcess } from "./scheduler.ts";

/** How a simulated cluster misbehaves; each is a probability. */
export interface LogFaults {
  /** An append is refused: nothing of it is in the log. */
  refused: number;
  /** It is in the log, and its answer is lost. */
  answerLost: number;
  /** The broker is away altogether. */
  down: boolean;
}

const SESSION_MS = 10_000;
const HEARTBEAT_MS = 2_000;
const MAX_RECORD_BYTES = 1_048_576;
const REJOIN: Backoff = { baseMs: 200, capMs: 10_000 };

interface Topic {
  id: string;
  config: Record<string, string>;
  /** By offset. What lies before the partition's start is deleted: nobody can read it any more. */
  partitions: LogRecord[][];
  starts: number[];
}

interface Member {
  readonly subscription: MemorySubscription;
  readonly process: SimProcess;
  readonly topics: readonly string[];
  lastSeen: number;
}

interface Group {
  generation: number;
  members: Member[];
  /** Who owns which partition, by `positionKey`. */
  owners: Map<string, Member>;
  committed: Map<string, number>;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const encode = (text: string) => encoder.encode(text);
const decode = (bytes: Uint8Array | null) => decoder.decode(bytes ?? new Uint8Array());

/** One cluster: topics, and consumer groups that know who of their members is alive. */
export class MemoryCluster {
  readonly faults: LogFaults = { refused: 0, answerLost: 0, down: false };
  /** The broker and the network: what was sent arrives, also when its sender is gone by then. */
  readonly broker = new SimProcess("broker");
  /** Records that a process had begun to send when it was frozen, by `topic:partition:offset`: no lease keeps those back. */
  readonly sentLate = new Set<string>();
  readonly #topics = new Map<string, Topic>();
  readonly #groups = new Map<string, Group>();
  readonly #givenUp = new Map<string, number>();
  readonly #eventIds = new WeakMap<LogRecord, unknown>();
  readonly #waiting = new Set<{ isNews: () => boolean; wake: () => void }>();
  #ids = 0;
  /** How often the broker has come up: what was on its way to it when it went never arrives. */
  #incarnation = 0;
  clusterId = "sim-0";

  constructor(readonly scheduler: Scheduler) {
    scheduler.clock(this.broker).every(HEARTBEAT_MS, () => this.#expireSessions());
  }

  /** The cluster as one process sees it. */
  logFor(process: SimProcess): Log {
    const { scheduler } = this;
    const ask = async <T>(answer: () => T): Promise<T> => {
      await scheduler.point(process);
      if (this.faults.down) throw new EnvironmentError("Kafka: no broker answers");
      return answer();
    };
    let before: Promise<unknown> = Promise.resolve();
    const append: Log["append"] = (topic, records, among = Number.POSITIVE_INFINITY) => {
      const appended = this.#append(process, topic, { records, among }, before);
      before = appended.catch(() => {});
      return appended;
    };
    return {
      append,
      subscribe: (options) => new MemorySubscription(this, process, options),
      endOffsets: (topics) => ask(() => this.endOffsets(topics)),
      startOffsets: (topics) =>
        ask(() => new Map([...this.endOffsets(topics).keys()].map((key) => [key, this.start(toPartition(key))]))),
      identity: (topics) => ask(() => this.identity(topics)),
      members: (groups) => ask(() => new Map(groups.map((name) => [name, this.group(name).members.length]))),
      cluster: () => ask(() => ({ brokers: [1], defaults: null })),
      describeTopics: (names) => ask(() => this.#describe(names)),
      createTopics: (topics) => ask(() => topics.forEach((topic) => void this.createTopic(topic))),
      addPartitions: (name, total) => ask(() => this.addPartitions(name, total)),
      deleteTopics: (names) => ask(() => names.forEach((name) => void this.deleteTopic(name))),
      configureTopic: (name, config) =>
        ask(() => {
          Object.assign(this.#topic(name).config, config);
        }),
      close: () => scheduler.point(process),
    } as Log;
  }

  createTopic({ name, partitions, config }: TopicDefinition): void {
    if (this.#topics.has(name)) return;
    this.#ids += 1;
    const records = Array.from({ length: partitions }, () => []);
    const starts = records.map(() => 0);
    this.#topics.set(name, { id: `topic-${this.#ids}`, config: { ...config }, partitions: records, starts });
    this.#rebalanceReaders(name);
  }

  deleteTopic(name: string): void {
    this.#topics.delete(name);
    for (const group of this.#groups.values()) {
      for (const key of group.committed.keys()) if (key.startsWith(`${name}:`)) group.committed.delete(key);
    }
    this.#rebalanceReaders(name);
  }

  /** The disk forgets the last records of a topic: so many of each partition. Returns how many there were. */
  cutTail(name: string, count: () => number): number {
    const { partitions, starts } = this.#topic(name);
    return partitions.reduce((cut, records, partition) => {
      const kept = Math.max(starts[partition] ?? 0, records.length - count());
      return cut + records.splice(kept).length;
    }, 0);
  }

  /** Retention deletes the oldest records of a topic: `count` says how many of those that a partition holds. */
  deleteOldest(name: string, count: (held: number) => number): number {
    const { partitions, starts } = this.#topic(name);
    return partitions.reduce((deleted, records, partition) => {
      const start = starts[partition] ?? 0;
      const more = count(records.length - start);
      starts[partition] = start + more;
      return deleted + more;
    }, 0);
  }

  /** Every connection breaks. */
  crash(): void {
    this.#incarnation += 1;
  }

  addPartitions(name: string, count: number): void {
    const topic = this.#topic(name);
    while (topic.partitions.length < count) {
      topic.partitions.push([]);
      topic.starts.push(0);
    }
    this.#rebalanceReaders(name);
  }

  endOffsets(topics: readonly string[]): Map<string, number> {
    return new Map(
      topics.flatMap((topic) =>
        (this.#topics.get(topic)?.partitions ?? []).map((records, partition) => [
          positionKey({ topic, partition }),
          records.length,
        ]),
      ),
    );
  }

  identity(topics: readonly string[]): LogIdentity {
    const present = topics.filter((topic) => this.#topics.has(topic));
    return { clusterId: this.clusterId, topicIds: new Map(present.map((topic) => [topic, this.#topic(topic).id])) };
  }

  /** Every record of a topic, for the checker. */
  recordsOf(topic: string): LogRecord[] {
    return (this.#topics.get(topic)?.partitions ?? []).flat();
  }

  /** Whether the log holds each of these events where it was sent to, but for what retention has deleted. */
  holds(events: readonly { id: string; at: RecordPosition }[]): boolean {
    return events.every(({ id, at }) => {
      if (at.offset < this.start(at)) return true;
      const [record] = this.read(at, at.offset, 1);
      return record !== undefined && this.#idOf(record) === id;
    });
  }

  /** Read once: it is asked for again and again, and no record ever changes. */
  #idOf(record: LogRecord): unknown {
    let id = this.#eventIds.get(record);
    if (id === undefined) {
      id = JSON.parse(decode(record.value)).id ?? null;
      this.#eventIds.set(record, id);
    }
    return id;
  }

  topicId(topic: string): string {
    return this.#topics.get(topic)?.id ?? "";
  }

  end({ topic, partition }: TopicPartition): number {
    return this.#topics.get(topic)?.partitions[partition]?.length ?? 0;
  }

  start({ topic, partition }: TopicPartition): number {
    return this.#topics.get(topic)?.starts[partition] ?? 0;
  }

  /** Notes that a process has been given a partition, or has given it up. */
  noteHolding(process: SimProcess, group: string, at: string, isHeld: boolean): void {
    this.#givenUp.set(`${process.name}/${group}/${at}`, isHeld ? Number.POSITIVE_INFINITY : this.scheduler.steps);
  }

  /** The step at which a process gave a partition up; infinite: it has it, as far as it knows. */
  givenUpAt(process: SimProcess, group: string, at: string): number {
    return this.#givenUp.get(`${process.name}/${group}/${at}`) ?? 0;
  }

  read({ topic, partition }: TopicPartition, offset: number, limit: number): LogRecord[] {
    return this.#topics.get(topic)?.partitions[partition]?.slice(offset, offset + limit) ?? [];
  }

  group(name: string): Group {
    let group = this.#groups.get(name);
    if (!group) {
      group = { generation: 0, members: [], owners: new Map(), committed: new Map() };
      this.#groups.set(name, group);
    }
    return group;
  }

  /** Appends bytes that no program of ours would. */
  appendRaw({ topic, partition }: TopicPartition, records: readonly Pick<LogRecord, "key" | "value">[]): void {
    const stored = this.#topic(topic).partitions[partition] ?? [];
    for (const { key, value } of records) {
      stored.push({ topic, partition, offset: stored.length, key, value, headers: {}, timestamp: this.scheduler.now });
    }
    this.wakeReaders();
  }

  /** Shares the partitions among the members anew; each learns of it at its next heartbeat. */
  rebalance(group: Group): void {
    group.generation += 1;
    group.owners.clear();
    const topics = new Set(group.members.flatMap((member) => member.topics));
    let turn = this.scheduler.below(Math.max(1, group.members.length));
    for (const topic of topics) {
      const count = this.#topics.get(topic)?.partitions.length ?? 0;
      for (let partition = 0; partition < count; partition += 1) {
        const member = group.members[turn % group.members.length];
        turn += 1;
        if (member) group.owners.set(positionKey({ topic, partition }), member);
      }
    }
    this.wakeReaders();
  }

  /** Calls back once when there is news; returns how to stop waiting. */
  onNews(isNews: () => boolean, wake: () => void): () => void {
    const waiting = { isNews, wake };
    this.#waiting.add(waiting);
    return () => this.#waiting.delete(waiting);
  }

  wakeReaders(): void {
    for (const waiting of [...this.#waiting]) {
      if (!waiting.isNews()) continue;
      this.#waiting.delete(waiting);
      waiting.wake();
    }
  }

  /** One after the other, as a process sends them over one connection. */
  async #append(
    process: SimProcess,
    topic: string,
    { records, among }: { records: readonly NewRecord[]; among: number },
    before: Promise<unknown>,
  ): Promise<RecordPosition[]> {
    const { scheduler, faults } = this;
    const begunAt = scheduler.now;
    await before;
    await scheduler.point(process);
    const late = process.frozenUntil > begunAt;
    if (faults.down || scheduler.chance(faults.refused)) throw new EnvironmentError("Kafka: the append was refused");
    const tooBig = records.find(({ key, value }) => key.length + value.length > MAX_RECORD_BYTES);
    if (tooBig) throw new DataError("Kafka refused a record: it is larger than the broker takes", "too_large");
    const incarnation = this.#incarnation;
    const isUp = () => this.#incarnation === incarnation;
    // From here on it is on its way, whatever becomes of the sender.
    const arrived = scheduler.point(this.broker).then(() => {
      const written = this.#write(topic, { records, among }, isUp);
      if (late) for (const position of written) this.sentLate.add(`${positionKey(position)}:${position.offset}`);
      return written;
    });
    const positions = await arrived;
    await scheduler.point(process);
    if (!isUp() || scheduler.chance(faults.answerLost)) throw new EnvironmentError("Kafka: the answer was lost");
    return positions;
  }

  #write(
    name: string,
    { records, among }: { records: readonly NewRecord[]; among: number },
    isUp: () => boolean,
  ): RecordPosition[] {
    if (this.faults.down || !isUp()) throw new EnvironmentError("Kafka: no broker answers");
    const topic = this.#topic(name);
    const positions = records.map(({ key, value, headers }) => {
      const partition = partitionOf(key, Math.min(among, topic.partitions.length));
      const stored = topic.partitions[partition] ?? [];
      const offset = stored.length;
      const timestamp = this.scheduler.now;
      stored.push({ topic: name, partition, offset, key: encode(key), value: encode(value), headers, timestamp });
      return { topic: name, partition, offset };
    });
    this.wakeReaders();
    return positions;
  }

  #topic(name: string): Topic {
    const topic = this.#topics.get(name);
    if (!topic) throw new EnvironmentError(`Kafka: unknown topic ${name}`);
    return topic;
  }

  #describe(names: readonly string[]): TopicSurvey {
    const topics = names.flatMap((name) => {
      const topic = this.#topics.get(name);
      if (!topic) return [];
      return [{ name, id: topic.id, replicas: topic.partitions.map(() => [1]), config: topic.config }];
    });
    return { topics, denied: [] };
  }

  #expireSessions(): void {
    for (const group of this.#groups.values()) {
      const live = group.members.filter((member) => this.scheduler.now - member.lastSeen <= SESSION_MS);
      if (live.length === group.members.length) continue;
      group.members = live;
      this.rebalance(group);
    }
  }

  #rebalanceReaders(topic: string): void {
    for (const group of this.#groups.values()) {
      if (group.members.some((member) => member.topics.includes(topic))) this.rebalance(group);
    }
  }
}

/**
 * A member of a group. It learns of a rebalance only at its heartbeat, so that for a while two may believe that they
 * own a partition: what keeps them apart must be the store.
 */
class MemorySubscription implements Subscription {
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
    return this.cluster.group(this.options.group);
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
      this.cluster.noteHolding(this.process, this.options.group, key, true);
    }
    this.options.onChange?.("reading");
  }

  #join(group: Group): void {
    const { cluster, process, options } = this;
    const member: Member = { subscription: this, process, topics: options.topics, lastSeen: cluster.scheduler.now };
    this.#member = member;
    this.#generation = -1;
    group.members.push(member);
    this.#stopHeartbeat();
    this.#stopHeartbeat = cluster.scheduler.clock(process).every(HEARTBEAT_MS, () => {
      member.lastSeen = cluster.scheduler.now;
    });
    cluster.rebalance(group);
  }

  #leave(): void {
    this.#stopHeartbeat();
    const group = this.#group;
    const member = this.#member;
    this.#member = null;
    this.#giveUp();
    if (!member || !group.members.includes(member)) return;
    group.members = group.members.filter((other) => other !== member);
    this.cluster.rebalance(group);
  }

  #giveUp(): void {
    for (const key of this.#next.keys()) this.cluster.noteHolding(this.process, this.options.group, key, false);
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

function toPartition(key: string): TopicPartition {
  const cut = key.lastIndexOf(":");
  return { topic: key.slice(0, cut), partition: Number(key.slice(cut + 1)) };
}
