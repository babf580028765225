import { Admin, Producer } from "@platformatic/kafka";
import type { Log } from "../../src/engine/log.ts";
import { silentLogger } from "../../src/engine/logger.ts";
import { logContract } from "../contract/log-contract.ts";
import type { LogUnderTest, RawRecord } from "../contract/log-under-test.ts";
import { openKafkaLog } from "../contract/open-log.ts";
import { killSpawnedMembers, spawnMember } from "../contract/spawn-member.ts";
import { startFaultProxy } from "../faults/proxy.ts";
import { testServers } from "../support/servers.ts";
import { until } from "../support/test-app.ts";

/** A proxy stands in for one broker on this machine; of a cluster elsewhere, connections are not cut. */
const isBehindProxy = /^127\.0\.0\.1:\d+$/.test(process.env.TEST_KAFKA_BROKERS ?? "127.0.0.1:0");

/** Kafka, with a prefix of its own for its topics and groups. */
async function kafkaUnderTest(): Promise<LogUnderTest> {
  const { kafkaBrokers: address } = await testServers();
  const proxy = isBehindProxy ? await startFaultProxy(Number(address.split(":")[1]), { standsIn: true }) : null;
  const prefix = `t_${crypto.randomUUID().slice(0, 8)}.`;
  const logs: Log[] = [];
  const open = (brokers = proxy ? `127.0.0.1:${proxy.port}` : address) => {
    const log = openKafkaLog(brokers, prefix, silentLogger);
    logs.push(log);
    return log;
  };
  return {
    open: () => open(),
    openAway: () => open("127.0.0.1:9"),
    appendRaw: ({ topic, partition }, records) => produce(address, prefix + topic, partition, records),
    startMember: (group, topic) => spawnMember({ kind: "kafka", address, prefix, group, topic }),
    deleteBefore: ({ topic, partition }, offset) => deleteRecords(address, prefix + topic, partition, offset),
    cutConnections: async () => proxy?.reset(),
    sessionMs: 10_000,
    until,
    async [Symbol.asyncDispose]() {
      killSpawnedMembers();
      await Promise.all(logs.map((log) => log.close()));
      await proxy?.[Symbol.asyncDispose]();
      await deleteTopics(address, prefix);
    },
  };
}

async function produce(brokers: string, topic: string, partition: number, records: readonly RawRecord[]) {
  const producer = new Producer({ clientId: "test", bootstrapBrokers: brokers.split(",") });
  const messages = records.map(({ key, value }) => ({
    topic,
    partition,
    ...(key && { key: Buffer.from(key) }),
    ...(value && { value: Buffer.from(value) }),
  }));
  await producer.send({ messages: messages as never });
  await producer.close();
}

async function deleteRecords(brokers: string, topic: string, partition: number, offset: number): Promise<void> {
  const admin = new Admin({ clientId: "test", bootstrapBrokers: brokers.split(",") });
  await admin.deleteRecords({ topics: [{ name: topic, partitions: [{ partition, offset: BigInt(offset) }] }] });
  await admin.close();
}

async function deleteTopics(brokers: string, prefix: string): Promise<void> {
  const admin = new Admin({ clientId: "test", bootstrapBrokers: brokers.split(",") });
  const topics = (await admin.listTopics()).filter((name) => name.startsWith(prefix));
  if (topics.length > 0) await admin.deleteTopics({ topics });
  await admin.close();
}

logContract("Kafka", kafkaUnderTest, {
  abilities: isBehindProxy ? ["cutConnections", "deleteBefore"] : ["deleteBefore"],
});
