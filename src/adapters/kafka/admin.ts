import { Admin, ConfigResourceTypes, IncrementalAlterConfigOperationTypes } from "@platformatic/kafka";
import type { KafkaConfig } from "../../config.ts";
import { type LogIdentity, positionKey, type TopicState } from "../../engine/ports.ts";
import type { TopicDefinition } from "../../engine/topics.ts";
import { BOUNDED, clientOptions } from "./client-options.ts";
import { causes, classifyKafka } from "./errors.ts";

/** Runs a piece of administration on a short-lived, bounded client. */
async function withAdmin<T>(config: KafkaConfig, work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = new Admin(clientOptions(config, BOUNDED));
  admin.on("error", () => {});
  try {
    return await work(admin);
  } catch (error) {
    throw classifyKafka(error);
  } finally {
    await admin.close().catch(() => {});
  }
}

/** Names of those topics that exist. */
async function existing(admin: Admin, names: readonly string[]): Promise<string[]> {
  const all = new Set(await admin.listTopics());
  return names.filter((name) => all.has(name));
}

export async function identity(config: KafkaConfig, topics: readonly string[]): Promise<LogIdentity> {
  return withAdmin(config, async (admin) => {
    const present = await existing(admin, topics);
    const metadata = await admin.metadata({ topics: present, forceUpdate: true });
    return {
      clusterId: metadata.id,
      topicIds: new Map(present.map((name) => [name, metadata.topics.get(name)?.id ?? ""])),
    };
  });
}

/** Offset after the last record of every partition of those topics that exist. */
export async function endOffsets(config: KafkaConfig, topics: readonly string[]): Promise<Map<string, number>> {
  return withAdmin(config, async (admin) => {
    const present = await existing(admin, topics);
    if (present.length === 0) return new Map();
    const metadata = await admin.metadata({ topics: present, forceUpdate: true });
    const listed = await admin.listOffsets({
      topics: present.map((name) => ({
        name,
        partitions: Array.from({ length: metadata.topics.get(name)?.partitionsCount ?? 0 }, (_, partitionIndex) => ({
          partitionIndex,
          timestamp: LATEST,
        })),
      })),
    });
    return new Map(
      listed.flatMap((topic) =>
        topic.partitions.map((partition) => [
          positionKey({ topic: topic.name, partition: partition.partitionIndex }),
          Number(partition.offset),
        ]),
      ),
    );
  });
}

/** Kafka's code for "after the last record" in ListOffsets. */
const LATEST = -1n;

export async function describeTopics(config: KafkaConfig, names: readonly string[]): Promise<TopicState[]> {
  return withAdmin(config, async (admin) => {
    const present = await existing(admin, names);
    if (present.length === 0) return [];
    const metadata = await admin.metadata({ topics: present, forceUpdate: true });
    const described = await admin.describeConfigs({
      resources: present.map((resourceName) => ({
        resourceType: ConfigResourceTypes.TOPIC,
        resourceName,
        configurationKeys: null,
      })),
    });
    const configs = new Map(
      described.map((topic) => [
        topic.resourceName,
        Object.fromEntries(topic.configs.map((entry) => [entry.name, entry.value ?? ""])),
      ]),
    );
    return present.map((name) => {
      const topic = metadata.topics.get(name);
      return {
        name,
        id: topic?.id ?? "",
        partitions: topic?.partitionsCount ?? 0,
        replication: topic?.partitions[0]?.replicas.length ?? 0,
        config: configs.get(name) ?? {},
      };
    });
  });
}

/** Creates topics; one that exists already is left as it is. Replication: 2 where the cluster has brokers for it. */
export async function createTopics(config: KafkaConfig, topics: readonly TopicDefinition[]): Promise<void> {
  await withAdmin(config, async (admin) => {
    const { brokers } = await admin.metadata({ topics: [] });
    for (const topic of topics) {
      try {
        await admin.createTopics({
          topics: [topic.name],
          partitions: topic.partitions,
          replicas: Math.min(2, brokers.size),
          configs: Object.entries(topic.config).map(([name, value]) => ({ name, value })),
        });
      } catch (error) {
        if (![...causes(error)].some((inner) => inner.apiId === "TOPIC_ALREADY_EXISTS")) throw error;
      }
    }
  });
}

export async function deleteTopics(config: KafkaConfig, names: readonly string[]): Promise<void> {
  await withAdmin(config, async (admin) => {
    const present = await existing(admin, names);
    if (present.length > 0) await admin.deleteTopics({ topics: present });
  });
}

export async function configureTopic(
  config: KafkaConfig,
  name: string,
  settings: Readonly<Record<string, string>>,
): Promise<void> {
  await withAdmin(config, (admin) =>
    admin.incrementalAlterConfigs({
      resources: [
        {
          resourceType: ConfigResourceTypes.TOPIC,
          resourceName: name,
          configs: Object.entries(settings).map(([key, value]) => ({
            name: key,
            value,
            configOperation: IncrementalAlterConfigOperationTypes.SET,
          })),
        },
      ],
    }),
  );
}
