import { Producer, stringSerializers } from "@platformatic/kafka";
import type { KafkaConfig } from "../../config.ts";
import { EnvironmentError } from "../../engine/errors.ts";
import type { NewRecord, RecordPosition } from "../../engine/log.ts";
import { partitionOf, sharedAmong } from "../../engine/partition.ts";
import { clientOptions } from "./client-options.ts";
import { classifyKafka } from "./errors.ts";

/** Most bytes for one partition in one send: the client makes them one batch, and brokers refuse more than 1 MB. */
const SEND_BYTES = 900_000;
/** Bytes a record costs beside its key and value: headers, framing. */
const RECORD_OVERHEAD = 100;

interface Placed {
  readonly index: number;
  readonly partition: number;
  readonly record: NewRecord;
}

/** Appends records with acks from all in-sync replicas. One send per topic at a time, so that order is kept. */
export class KafkaAppender {
  #config: KafkaConfig;
  #producer: Producer<string, string, string, string> | null = null;
  #lanes = new Map<string, Promise<unknown>>();
  #closed = false;

  constructor(config: KafkaConfig) {
    this.#config = config;
  }

  /** Positions come back in the order of the records. */
  async append(
    topic: string,
    records: readonly NewRecord[],
    among = Number.POSITIVE_INFINITY,
  ): Promise<RecordPosition[]> {
    if (this.#closed) throw new EnvironmentError("Kafka: this log was closed");
    const before = this.#lanes.get(topic) ?? Promise.resolve();
    const mine = before.then(() => this.#append(topic, records, among));
    this.#lanes.set(
      topic,
      mine.catch(() => {}),
    );
    return mine;
  }

  /** Waits for the appends under way; there may be none after it. */
  async close(): Promise<void> {
    this.#closed = true;
    const producer = this.#producer;
    this.#producer = null;
    await Promise.allSettled(this.#lanes.values());
    await producer?.close().catch(() => {});
  }

  async #append(topic: string, records: readonly NewRecord[], among: number): Promise<RecordPosition[]> {
    if (records.length === 0) return [];
    try {
      const producer = this.#open();
      const partitions = sharedAmong(topic, await partitionsOf(topic, producer, among), among);
      const placed = records.map((record, index) => ({
        index,
        record,
        partition: partitionOf(record.key, partitions),
      }));
      const positions: RecordPosition[] = new Array(records.length);
      for (const chunk of chunksBySize(placed)) await this.#send(producer, topic, chunk, positions);
      return positions;
    } catch (error) {
      await this.#reopen();
      throw classifyKafka(error, { config: this.#config, topics: [topic] });
    }
  }

  async #send(
    producer: Producer<string, string, string, string>,
    topic: string,
    chunk: readonly Placed[],
    positions: RecordPosition[],
  ): Promise<void> {
    const result = await producer.send({
      messages: chunk.map(({ record, partition }) => ({
        topic,
        partition,
        key: record.key,
        value: record.value,
        headers: { ...record.headers },
      })),
    });
    const next = new Map((result.offsets ?? []).map(({ partition, offset }) => [partition, Number(offset)]));
    for (const { index, partition } of chunk) {
      const offset = next.get(partition);
      if (offset === undefined) throw new Error(`no offset was acknowledged for ${topic}/${partition}`);
      positions[index] = { topic, partition, offset };
      next.set(partition, offset + 1);
    }
  }

  #open(): Producer<string, string, string, string> {
    this.#producer ??= new Producer({
      ...clientOptions(this.#config),
      idempotent: true,
      producerId: -1n,
      producerEpoch: -1,
      acks: -1,
      repeatOnStaleMetadata: true,
      serializers: stringSerializers,
    });
    this.#producer.on("error", () => {});
    return this.#producer;
  }

  /** After an error nobody knows what an idempotent producer's sequence numbers are worth: the next send starts anew. */
  async #reopen(): Promise<void> {
    const producer = this.#producer;
    this.#producer = null;
    await producer?.close().catch(() => {});
  }
}

/** What the client remembers of a topic may be older than partitions that the sender knows of: then it is asked anew. */
async function partitionsOf(
  topic: string,
  producer: Producer<string, string, string, string>,
  among: number,
): Promise<number> {
  const count = async (forceUpdate: boolean) =>
    (await producer.metadata({ topics: [topic], forceUpdate })).topics.get(topic)?.partitionsCount ?? 1;
  const known = await count(false);
  return Number.isFinite(among) && among > known ? await count(true) : known;
}

/** Cuts a list so that no partition gets more than SEND_BYTES in one piece. */
export function* chunksBySize(records: readonly Placed[]): Generator<Placed[]> {
  let chunk: Placed[] = [];
  let bytes = new Map<number, number>();
  for (const placed of records) {
    const size = Buffer.byteLength(placed.record.value) + Buffer.byteLength(placed.record.key) + RECORD_OVERHEAD;
    const total = (bytes.get(placed.partition) ?? 0) + size;
    if (chunk.length > 0 && total > SEND_BYTES) {
      yield chunk;
      chunk = [];
      bytes = new Map();
    }
    chunk.push(placed);
    bytes.set(placed.partition, (bytes.get(placed.partition) ?? 0) + size);
  }
  if (chunk.length > 0) yield chunk;
}
