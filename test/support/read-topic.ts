import { Consumer, stringDeserializers } from "@platformatic/kafka";
import { startReader } from "../contract/reader.ts";
import { type TestApp, until } from "./test-app.ts";

/** The values of all records that a topic holds now, as any other program reads them. */
export async function readTopic(world: TestApp, topic: string): Promise<string[]> {
  const ends = await world.app.log.endOffsets([topic]);
  const wanted = [...ends.values()].reduce((sum, end) => sum + end, 0);
  if (wanted === 0) return [];
  return world.app.transport.kind === "kafka" ? readKafka(world, topic, wanted) : readLog(world, topic, wanted);
}

async function readKafka({ env }: TestApp, topic: string, wanted: number): Promise<string[]> {
  const consumer = new Consumer({
    clientId: "test",
    groupId: `test-${crypto.randomUUID()}`,
    bootstrapBrokers: (env.KAFKA_BROKERS ?? "").split(","),
    deserializers: stringDeserializers,
  });
  const topics = [`${env.KAFKA_TOPIC_PREFIX}${topic}`];
  const stream = await consumer.consume({ topics, mode: "earliest", autocommit: false, maxWaitTime: 100 });
  const values: string[] = [];
  for await (const { value } of stream) {
    values.push(value);
    if (values.length >= wanted) break;
  }
  await consumer.close(true);
  return values;
}

async function readLog({ app }: TestApp, topic: string, wanted: number): Promise<string[]> {
  const reader = startReader(app.log, { group: `test-${crypto.randomUUID()}`, topics: [topic] });
  await until(async () => reader.records.length >= wanted);
  await reader.stop();
  return reader.values();
}
