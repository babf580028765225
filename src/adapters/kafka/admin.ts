import {
  type Admin,
  ConfigResourceTypes,
  type ConfigResourceTypeValue,
  ConfigSources,
  IncrementalAlterConfigOperationTypes,
} from "@platformatic/kafka";
import type { KafkaConfig } from "../../config.ts";
import {
  type ClusterShape,
  type LogIdentity,
  type PlacedTopic,
  positionKey,
  type TopicState,
  type TopicSurvey,
} from "../../engine/log.ts";
import { causes } from "./causes.ts";
import { isDenied, lookUp, refuseDenied } from "./named-topics.ts";
import { withAdmin } from "./shared-admin.ts";

export async function identity(config: KafkaConfig, topics: readonly string[]): Promise<LogIdentity> {
  return withAdmin(config, async (admin) => {
    const named = await lookUp(admin, topics);
    refuseDenied(config, named);
    return {
      clusterId: named.clusterId,
      topicIds: new Map([...named.present].map(([name, { topicId }]) => [name, topicId])),
    };
  });
}

/** Offset after the last record of every partition of those topics that exist. */
export function endOffsets(config: KafkaConfig, topics: readonly string[]): Promise<Map<string, number>> {
  return offsetsAt(config, topics, LATEST);
}

/** Offset of the first record that is still there. */
export function startOffsets(config: KafkaConfig, topics: readonly string[]): Promise<Map<string, number>> {
  return offsetsAt(config, topics, EARLIEST);
}

async function offsetsAt(
  config: KafkaConfig,
  topics: readonly string[],
  timestamp: bigint,
): Promise<Map<string, number>> {
  return withAdmin(
    config,
    async (admin) => {
      const named = await lookUp(admin, topics);
      refuseDenied(config, named);
      if (named.present.size === 0) return new Map();
      const listed = await admin.listOffsets({
        topics: [...named.present].map(([name, { partitions }]) => ({
          name,
          partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, timestamp })),
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
    },
    topics,
  );
}

/** How many members each group has; a group that nobody ever joined has none. */
export async function members(config: KafkaConfig, groups: readonly string[]): Promise<Map<string, number>> {
  return withAdmin(config, async (admin) => {
    const described = await admin.describeGroups({ groups: [...groups] });
    return new Map(groups.map((group) => [group, described.get(group)?.members.size ?? 0]));
  });
}

/** Kafka's codes in ListOffsets for "after the last record" and "the first record". */
const LATEST = -1n;
const EARLIEST = -2n;

export async function describeTopics(config: KafkaConfig, names: readonly string[]): Promise<TopicSurvey> {
  return withAdmin(config, async (admin) => {
    const { present, denied } = await lookUp(admin, names);
    const topics: TopicState[] = [];
    for (const [name, { topicId, partitions }] of present) {
      const inOrder = partitions.toSorted((a, b) => a.partitionIndex - b.partitionIndex);
      const replicas = inOrder.map(({ replicaNodes }) => replicaNodes);
      topics.push({ name, id: topicId, replicas, config: await settingsOf(admin, ConfigResourceTypes.TOPIC, name) });
    }
    return { topics, denied };
  });
}

/** Settings in effect, and whether somebody chose them; null where this login may not ask. */
async function describeSettings(admin: Admin, resourceType: ConfigResourceTypeValue, resourceName: string) {
  try {
    const resources = [{ resourceType, resourceName, configurationKeys: null }];
    return (await admin.describeConfigs({ resources })).flatMap((resource) => resource.configs);
  } catch (error) {
    if (isDenied(error)) return null;
    throw error;
  }
}

async function settingsOf(admin: Admin, resourceType: ConfigResourceTypeValue, resourceName: string) {
  const settings = await describeSettings(admin, resourceType, resourceName);
  return settings && Object.fromEntries(settings.map(({ name, value }) => [name, value ?? ""]));
}

export async function cluster(config: KafkaConfig): Promise<ClusterShape> {
  return withAdmin(config, async (admin) => {
    const { brokers } = await admin.metadata({ topics: [], forceUpdate: true });
    const ids = [...brokers.keys()].sort((a, b) => a - b);
    const settings = await describeSettings(admin, ConfigResourceTypes.BROKER, String(ids[0]));
    // Kafka's own default is one copy, also on a hundred brokers: only what somebody set is a wish.
    const chosen = (name: string) => {
      const found = settings?.find((one) => one.name === name && one.configSource !== ConfigSources.DEFAULT_CONFIG);
      return found ? Number(found.value) : null;
    };
    const defaults = { replication: chosen("default.replication.factor"), minIsr: chosen("min.insync.replicas") };
    return { brokers: ids, defaults: settings && defaults };
  });
}

export async function createTopics(config: KafkaConfig, topics: readonly PlacedTopic[]): Promise<void> {
  await withAdmin(
    config,
    async (admin) => {
      // One call each: the settings of a call are those of all its topics.
      for (const topic of topics) {
        try {
          await admin.createTopics({
            topics: [topic.name],
            partitions: topic.partitions,
            replicas: topic.replication,
            configs: Object.entries(topic.config).map(([name, value]) => ({ name, value })),
          });
        } catch (error) {
          if (![...causes(error)].some((inner) => inner.apiId === "TOPIC_ALREADY_EXISTS")) throw error;
        }
      }
    },
    topics.map((topic) => topic.name),
  );
}

export async function addPartitions(config: KafkaConfig, name: string, total: number): Promise<void> {
  await withAdmin(config, (admin) => admin.createPartitions({ topics: [{ name, count: total }] }), [name]);
}

export async function deleteTopics(
  config: KafkaConfig,
  names: readonly string[],
  confirm?: () => Promise<void>,
): Promise<void> {
  await withAdmin(
    config,
    async (admin) => {
      const named = await lookUp(admin, names);
      refuseDenied(config, named);
      await confirm?.();
      if (named.present.size > 0) await admin.deleteTopics({ topics: [...named.present.keys()] });
    },
    names,
  );
}

export async function configureTopic(
  config: KafkaConfig,
  name: string,
  settings: Readonly<Record<string, string>>,
): Promise<void> {
  await withAdmin(
    config,
    (admin) =>
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
    [name],
  );
}
