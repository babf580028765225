import { Consumer, stringDeserializers } from "@platformatic/kafka";
import type { TestApp } from "./test-app.ts";

/** The values of all records that a topic holds now, as any other program reads them. */
export async function readTopic({ app, env }: TestApp, topic: string): Promise<string[]> {
  const ends = await app.log.endOffsets([topic]);
  const wanted = [...ends.values()].reduce((sum, end) => sum + end, 0);
  const values: string[] = [];
  if (wanted === 0) return values;
  const consumer = new Consumer({
    clientId: "test",
    groupId: `test-${crypto.randomUUID()}`,
    bootstrapBrokers: (env.KAFKA_BROKERS ?? "").split(","),
    deserializers: stringDeserializers,
  });
  const topics = [`${env.KAFKA_TOPIC_PREFIX}${topic}`];
  const stream = await consumer.consume({ topics, mode: "earliest", autocommit: false, maxWaitTime: 100 });
  for await (const { value } of stream) {
    values.push(value);
    if (values.length >= wanted) break;
  }
  await consumer.close(true);
  return values;
}
