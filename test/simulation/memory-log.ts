import { DataError, EnvironmentError } from "../../src/engine/errors.ts";
import {
  type Log,
  type LogIdentity,
  type LogRecord,
  type NewRecord,
  positionKey,
  type RecordPosition,
  type TopicPartition,
  type TopicSurvey,
} from "../../src/engine/log.ts";
import { partitionOf, sharedAmong } from "../../src/engine/partition.ts";
import type { TopicDefinition } from "../../src/engine/topics.ts";
import { MemoryGroups, toPartition } from "./memory-groups.ts";
import { MemorySubscription } from "./memory-subscription.ts";
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

const SESSIONS_CHECKED_MS = 2_000;
const MAX_RECORD_BYTES = 1_048_576;

interface Topic {
  id: string;
  config: Record<string, string>;
  /** By offset. What lies before the partition's start is deleted: nobody can read it any more. */
  partitions: LogRecord[][];
  starts: number[];
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
  readonly groups: MemoryGroups;
  readonly #topics = new Map<string, Topic>();
  readonly #eventIds = new WeakMap<LogRecord, unknown>();
  readonly #waiting = new Set<{ isNews: () => boolean; wake: () => void }>();
  #ids = 0;
  /** How often the broker has come up: what was on its way to it when it went never arrives. */
  #incarnation = 0;
  clusterId = "sim-0";

  constructor(readonly scheduler: Scheduler) {
    this.groups = new MemoryGroups(scheduler, this);
    scheduler.clock(this.broker).every(SESSIONS_CHECKED_MS, () => this.groups.expireSessions());
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
      members: (groups) => ask(() => new Map(groups.map((name) => [name, this.groups.named(name).members.length]))),
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
    this.groups.rebalanceReaders(name);
  }

  deleteTopic(name: string): void {
    this.#topics.delete(name);
    this.groups.forget(name);
    this.groups.rebalanceReaders(name);
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
  deleteOldest(name: string, count: (held: number, partition: number) => number): number {
    const { partitions, starts } = this.#topic(name);
    return partitions.reduce((deleted, records, partition) => {
      const start = starts[partition] ?? 0;
      const more = count(records.length - start, partition);
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
    this.groups.rebalanceReaders(name);
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

  partitionsOf(topic: string): number {
    return this.#topics.get(topic)?.partitions.length ?? 0;
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

  read({ topic, partition }: TopicPartition, offset: number, limit: number): LogRecord[] {
    return this.#topics.get(topic)?.partitions[partition]?.slice(offset, offset + limit) ?? [];
  }

  /** Appends bytes that no program of ours would. */
  appendRaw({ topic, partition }: TopicPartition, records: readonly Pick<LogRecord, "key" | "value">[]): void {
    const stored = this.#topic(topic).partitions[partition] ?? [];
    for (const { key, value } of records) {
      stored.push({ topic, partition, offset: stored.length, key, value, headers: {}, timestamp: this.scheduler.now });
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
    const partitions = sharedAmong(name, topic.partitions.length, among);
    const positions = records.map(({ key, value, headers }) => {
      const partition = partitionOf(key, partitions);
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
}
