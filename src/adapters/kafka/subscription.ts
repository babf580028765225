import { Consumer, type Message, type MessagesStream } from "@platformatic/kafka";
import type { KafkaConfig } from "../../config.ts";
import { RefusedError } from "../../engine/errors.ts";
import {
  type LogRecord,
  positionKey,
  type RecordBatch,
  type SubscribeOptions,
  type Subscription,
  type TopicPartition,
} from "../../engine/log.ts";
import type { Logger } from "../../engine/logger.ts";
import { Outage, waitingFor } from "../../engine/outage.ts";
import { within } from "../../engine/patience.ts";
import { sleep } from "../../engine/sleep.ts";
import { clientOptions } from "./client-options.ts";
import { classifyKafka } from "./errors.ts";
import { PartitionWatch } from "./partition-watch.ts";
import { ReadAhead } from "./read-ahead.ts";

/** Most bytes that a broker gives in one answer: what comes after fetching was paused. */
const FETCH_BYTES = 4_000_000;
/** Of them for one partition, so that all get their turn; as Kafka's own clients have it. */
const FETCH_PARTITION_BYTES = 1_048_576;
const COMMIT_EVERY_MS = 1_000;
/** Leaving waits no longer for a broker that is away: the session ends by itself. */
const LEAVE_MS = 3_000;
/** A member that died without a word is replaced after this long. */
const SESSION = { sessionTimeout: 10_000, rebalanceTimeout: 20_000, heartbeatInterval: 2_000 };

type RawMessage = Message<Buffer, Buffer, Buffer, Buffer>;
type RawStream = MessagesStream<Buffer, Buffer, Buffer, Buffer>;

/** One membership: a consumer, and the stream that reads what it is assigned now. */
interface Membership {
  readonly consumer: Consumer;
  readonly partitions: PartitionWatch;
  stream: RawStream | null;
  /** The subscription's epoch at its latest assignment; what an older stream still delivers is dropped. */
  generation: number;
  failure: Error | null;
  /** Aborts when the membership ends. */
  readonly ended: AbortController;
}

/** Why a member joins anew though nothing failed. */
class MorePartitions extends Error {}

/** A member of a Kafka consumer group behind the log port; reconnects and rejoins until its signal aborts. */
export class KafkaSubscription implements Subscription {
  #config: KafkaConfig;
  #options: SubscribeOptions;
  #log: Logger;
  #member: Membership | null = null;
  #topicIds = new Map<string, string>();
  #ahead = new ReadAhead();
  #commits = new Map<string, { topic: string; partition: number; offset: bigint; leaderEpoch: number }>();
  #wake: () => void = () => {};
  /** Counts assignments, over all memberships. */
  #epoch = 0;
  #closed = false;
  /** Ends when a stream is open: joining alone proves nothing, the store may be away. */
  #outage = new Outage(Math.random);
  #everRead = false;

  constructor(config: KafkaConfig, options: SubscribeOptions, log: Logger) {
    this.#config = config;
    this.#options = options;
    this.#log = log;
    options.signal.addEventListener("abort", () => this.#wake(), { once: true });
  }

  owns(batch: RecordBatch): boolean {
    return batch.epoch === this.#member?.generation && this.#isAssigned(batch);
  }

  #isAssigned({ topic, partition }: TopicPartition): boolean {
    return (
      this.#member?.consumer.assignments?.some((a) => a.topic === topic && a.partitions.includes(partition)) ?? false
    );
  }

  commit({ topic, partition }: TopicPartition, nextOffset: number): void {
    this.#commits.set(positionKey({ topic, partition }), {
      topic,
      partition,
      offset: BigInt(nextOffset),
      leaderEpoch: -1,
    });
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<RecordBatch> {
    const committer = setInterval(() => void this.#flushCommits(), COMMIT_EVERY_MS);
    try {
      while (!this.#stopped()) {
        try {
          await this.#join();
          yield* this.#batches();
        } catch (error) {
          this.#options.onChange?.("interrupted");
          await this.#leave();
          await this.#waitAfter(error);
        }
      }
    } finally {
      clearInterval(committer);
      await this[Symbol.asyncDispose]();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#wake();
    this.#member?.ended.abort();
    await within(
      LEAVE_MS,
      this.#flushCommits().then(() => this.#leave()),
      () => undefined,
    );
  }

  /** Whoever was let in once is waited for until a person has mended it; who never was has the wrong settings. */
  async #waitAfter(error: unknown): Promise<void> {
    if (error instanceof MorePartitions) return this.#log.info(error.message, { group: this.#options.group });
    const { group, topics, signal } = this.#options;
    const problem = classifyKafka(error, { config: this.#config, group, topics });
    if (problem instanceof RefusedError && !this.#everRead) throw problem;
    const { isNews, waitMs } = this.#outage.failed(problem);
    if (isNews) this.#log.warn(waitingFor(problem), { group });
    await sleep(waitMs, signal).catch(() => {});
  }

  #stopped(): boolean {
    return this.#closed || this.#options.signal.aborted;
  }

  /** Joins the group; from then on each new assignment starts a stream of its own. */
  async #join(): Promise<void> {
    const consumer = new Consumer({
      ...clientOptions(this.#config),
      groupId: this.#options.group,
      autocommit: false,
      ...SESSION,
    });
    const ended = new AbortController();
    const partitions = new PartitionWatch(consumer, this.#options.topics);
    const member: Membership = { consumer, partitions, stream: null, generation: this.#epoch, failure: null, ended };
    const joining = member.generation;
    this.#member = member;
    consumer.on("error", () => {});
    consumer.on("consumer:heartbeat:error", () => {});
    consumer.on("consumer:group:join", () => this.#reassigned(member));
    consumer.topics.trackAll(...this.#options.topics);
    await partitions.look();
    await consumer.joinGroup({});
    if (member.generation === joining) this.#reassigned(member);
    void this.#watchPartitions(member);
  }

  async #watchPartitions(member: Membership): Promise<void> {
    const topic = await member.partitions.firstGrown(member.ended.signal);
    if (topic === null) return;
    member.failure ??= new MorePartitions(`joining again: ${topic} has more partitions`);
    this.#wake();
  }

  #reassigned(member: Membership): void {
    if (this.#member !== member) return;
    this.#epoch += 1;
    this.#options.onChange?.("assigned");
    member.generation = this.#epoch;
    const generation = member.generation;
    this.#ahead.clear();
    void this.#openStream(member, generation).catch((error) => {
      if (this.#member !== member || member.generation !== generation) return;
      member.failure = error;
      this.#wake();
    });
  }

  async #openStream(member: Membership, generation: number): Promise<void> {
    const before = member.stream;
    member.stream = null;
    // Not awaited: closing waits for a reader, and an older stream's records are dropped anyway.
    if (before) void before.close().catch(() => {});
    const offsets = await this.#startingOffsets(member);
    if (this.#member !== member || member.generation !== generation || this.#stopped()) return;
    const stream = await member.consumer.consume({
      topics: [...this.#options.topics],
      mode: "manual",
      fallbackMode: "earliest",
      offsets,
      autocommit: false,
      maxWaitTime: 250,
      maxBytes: FETCH_BYTES,
      maxBytesPerPartition: FETCH_PARTITION_BYTES,
      highWaterMark: 1024,
      ...SESSION,
    });
    if (this.#member !== member || member.generation !== generation) {
      void stream.close().catch(() => {});
      return;
    }
    member.stream = stream as unknown as RawStream;
    if (this.#outage.over()) this.#log.info("reading again", { group: this.#options.group });
    this.#everRead = true;
    this.#options.onChange?.("reading");
    stream.on("error", (error: Error) => {
      if (member.generation !== generation) return;
      member.failure = error;
      this.#wake();
    });
    stream.on("data", (message: unknown) => {
      if (this.#member === member && member.generation === generation) this.#buffer(message as RawMessage);
    });
  }

  /** Where each assigned partition starts: the store's word, else the group's commit; else the stream's fallback. */
  async #startingOffsets(member: Membership): Promise<{ topic: string; partition: number; offset: bigint }[]> {
    const { consumer } = member;
    const metadata = await member.partitions.look();
    for (const topic of this.#options.topics) this.#topicIds.set(topic, metadata.topics.get(topic)?.id ?? "");
    const assigned = (consumer.assignments ?? []).flatMap(({ topic, partitions }) =>
      partitions.map((partition) => ({ topic, partition, topicId: this.#topicIds.get(topic) ?? "" })),
    );
    const known = await this.#options.startAt(assigned);
    const committed = await committedOffsets(
      consumer,
      assigned.filter((partition) => !known.has(positionKey(partition))),
    );
    return assigned.flatMap(({ topic, partition }) => {
      const key = positionKey({ topic, partition });
      const offset = known.get(key) ?? committed.get(key);
      return offset === undefined ? [] : [{ topic, partition, offset: BigInt(offset) }];
    });
  }

  #buffer(message: RawMessage): void {
    this.#ahead.add(toRecord(message));
    if (this.#ahead.isFull) this.#member?.stream?.pause();
    this.#wake();
  }

  async *#batches(): AsyncGenerator<RecordBatch> {
    while (!this.#stopped()) {
      const failure = this.#member?.failure;
      if (failure) throw failure;
      const batch = this.#takeBatch();
      if (batch) {
        yield batch;
        continue;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        if (!this.#ahead.isEmpty || this.#member?.failure || this.#stopped()) resolve();
      });
    }
  }

  #takeBatch(): RecordBatch | null {
    const batch = this.#ahead.take(this.#options.maxBatch);
    if (this.#ahead.hasRoom) this.#member?.stream?.resume();
    return batch && { ...batch, topicId: this.#topicIds.get(batch.topic) ?? "", epoch: this.#epoch };
  }

  async #flushCommits(): Promise<void> {
    const consumer = this.#member?.consumer;
    if (!consumer || this.#commits.size === 0) return;
    const offsets = [...this.#commits.values()].filter((position) => this.#isAssigned(position));
    this.#commits.clear();
    // Only a courtesy to lag monitors: the position that counts is in the store.
    if (offsets.length > 0) await consumer.commit({ offsets }).catch(() => {});
  }

  async #leave(): Promise<void> {
    const member = this.#member;
    this.#member = null;
    this.#ahead.clear();
    member?.ended.abort();
    await member?.consumer.close(true).catch(() => {});
  }
}

/** How far the group says it is, by `positionKey`, where it says anything. A stream that is given offsets does not ask. */
async function committedOffsets(
  consumer: Consumer,
  partitions: readonly TopicPartition[],
): Promise<Map<string, number>> {
  const committed = new Map<string, number>();
  const byTopic = Map.groupBy(partitions, ({ topic }) => topic);
  if (byTopic.size === 0) return committed;
  const topics = [...byTopic].map(([topic, list]) => ({ topic, partitions: list.map(({ partition }) => partition) }));
  const answer = await consumer.listCommittedOffsets({ topics });
  for (const { topic, partition } of partitions) {
    const offset = Number(answer.get(topic)?.[partition] ?? -1);
    if (offset >= 0) committed.set(positionKey({ topic, partition }), offset);
  }
  return committed;
}

function toRecord(message: RawMessage): LogRecord {
  return {
    topic: message.topic,
    partition: message.partition,
    offset: Number(message.offset),
    key: message.key ?? null,
    value: message.value ?? null,
    headers: Object.fromEntries([...message.headers].map(([name, value]) => [String(name), String(value)])),
    timestamp: Number(message.timestamp),
  };
}
