import { Producer } from "@platformatic/kafka";
import type { TestApp } from "./test-app.ts";

/** A record as any other program could write it. */
export interface RawRecord {
  readonly topic: string;
  readonly key?: string;
  readonly value: Buffer;
  readonly partition?: number;
}

/** Puts bytes into a world's topics as they are. */
export async function produceRaw({ env }: Pick<TestApp, "env">, records: readonly RawRecord[]): Promise<void> {
  const producer = new Producer({ clientId: "test", bootstrapBrokers: (env.KAFKA_BROKERS ?? "").split(",") });
  await producer.send({
    messages: records.map(({ topic, key, value, partition = 0 }) => ({
      topic: `${env.KAFKA_TOPIC_PREFIX}${topic}`,
      partition,
      ...(key === undefined ? {} : { key: Buffer.from(key) }),
      value,
    })),
  });
  await producer.close();
}

export const json = (value: unknown) => Buffer.from(JSON.stringify(value));

/** An event as the relay would send it, of no ledger. */
export const eventRecord = (over: object) =>
  json({
    id: crypto.randomUUID(),
    occurred_at: "2026-01-01T00:00:00.000Z",
    source: "test",
    subject: "sensor",
    subject_id: "sensor:x",
    event_type: "temp.reading_recorded",
    payload: { celsius: 1 },
    ...over,
  });
