import { type LogRecord, positionKey, type TopicPartition } from "../../engine/log.ts";

/** Records held back before fetching pauses. */
const READ_AHEAD_RECORDS = 10_000;
/** And their bytes, as records may have half a megabyte each. */
export const READ_AHEAD_BYTES = 16_000_000;
/** Most bytes in one batch; a single record may be more. */
export const BATCH_BYTES = 2_000_000;
/** What a record costs beside its key and value. */
const RECORD_OVERHEAD = 100;

interface Queue extends TopicPartition {
  readonly records: LogRecord[];
}

/** Records that came and were not asked for yet, by partition. */
export class ReadAhead {
  #queues = new Map<string, Queue>();
  #records = 0;
  #bytes = 0;

  get isEmpty(): boolean {
    return this.#records === 0;
  }

  /** No more should be fetched until there is room. */
  get isFull(): boolean {
    return this.#records >= READ_AHEAD_RECORDS || this.#bytes >= READ_AHEAD_BYTES;
  }

  get hasRoom(): boolean {
    return this.#records < READ_AHEAD_RECORDS / 2 && this.#bytes < READ_AHEAD_BYTES / 2;
  }

  add(record: LogRecord): void {
    const { topic, partition } = record;
    const key = positionKey(record);
    const queue = this.#queues.get(key) ?? { topic, partition, records: [] };
    this.#queues.set(key, queue);
    queue.records.push(record);
    this.#records += 1;
    this.#bytes += bytesOf(record);
  }

  /** The next records of the partition that waited longest: partitions take turns. Null: there are none. */
  take(maxRecords: number): Queue | null {
    const [next] = this.#queues;
    if (!next) return null;
    const [key, queue] = next;
    const { count, bytes } = batchAt(queue.records, maxRecords);
    const records = queue.records.splice(0, count);
    this.#queues.delete(key);
    if (queue.records.length > 0) this.#queues.set(key, queue);
    this.#records -= count;
    this.#bytes -= bytes;
    return { topic: queue.topic, partition: queue.partition, records };
  }

  clear(): void {
    this.#queues.clear();
    this.#records = 0;
    this.#bytes = 0;
  }
}

/** How many records at the front make a batch: at least one. */
function batchAt(records: readonly LogRecord[], maxRecords: number): { count: number; bytes: number } {
  let [count, bytes] = [0, 0];
  for (const record of records) {
    const more = bytes + bytesOf(record);
    if (count === maxRecords || (count > 0 && more > BATCH_BYTES)) break;
    count += 1;
    bytes = more;
  }
  return { count, bytes };
}

function bytesOf({ key, value }: LogRecord): number {
  return (key?.length ?? 0) + (value?.length ?? 0) + RECORD_OVERHEAD;
}
