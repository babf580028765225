import type { Log, LogRecord, RecordBatch, Subscription, TopicPartition } from "../../src/engine/log.ts";
import { positionKey } from "../../src/engine/log.ts";

/** A member of a group that keeps what it reads. */
export interface Reader {
  readonly subscription: Subscription;
  readonly batches: RecordBatch[];
  readonly records: LogRecord[];
  /** The values read, as text, in the order in which they came. */
  values(): string[];
  /** Partitions that `startAt` was asked about, in the order of the questions. */
  readonly asked: string[];
  /** Aborts, and resolves when the iteration is over and the group left. */
  stop(): Promise<void>;
}

export interface ReaderOptions {
  readonly group: string;
  readonly topics: readonly string[];
  readonly maxBatch?: number;
  readonly startAt?: (partitions: readonly TopicPartition[]) => Map<string, number>;
}

/** Joins a group and reads until it is stopped. */
export function startReader(log: Log, { group, topics, maxBatch = 100, startAt }: ReaderOptions): Reader {
  const leave = new AbortController();
  const batches: RecordBatch[] = [];
  const records: LogRecord[] = [];
  const asked: string[] = [];
  const subscription = log.subscribe({
    group,
    topics,
    maxBatch,
    signal: leave.signal,
    startAt: async (partitions) => {
      asked.push(...partitions.map(positionKey));
      return startAt?.(partitions) ?? new Map();
    },
  });
  const reading = (async () => {
    for await (const batch of subscription) {
      batches.push(batch);
      records.push(...batch.records);
    }
  })();
  return {
    subscription,
    batches,
    records,
    asked,
    values: () => records.map(({ value }) => text(value)),
    async stop() {
      leave.abort();
      await reading;
      await subscription[Symbol.asyncDispose]();
    },
  };
}

export const text = (bytes: Uint8Array | null): string => Buffer.from(bytes ?? []).toString();
