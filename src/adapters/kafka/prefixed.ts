import type {
  Log,
  LogIdentity,
  RecordBatch,
  SubscribeOptions,
  Subscription,
  TopicPartition,
} from "../../engine/log.ts";

/**
 * The same log with every topic and group name prefixed in the cluster, so that several installations (a demo, a test)
 * can share one. Nothing inside the program sees the prefix.
 */
export function prefixed(log: Log, prefix: string): Log {
  if (prefix === "") return log;
  const out = (name: string) => prefix + name;
  const back = (name: string) => name.slice(prefix.length);
  const backKeys = <T>(map: ReadonlyMap<string, T>) => new Map([...map].map(([key, value]) => [back(key), value]));
  return {
    append: async (topic, records, among) =>
      (await log.append(out(topic), records, among)).map((position) => ({ ...position, topic })),
    subscribe: (options) => prefixedSubscription(log, options, prefix),
    endOffsets: async (topics) => backKeys(await log.endOffsets(topics.map(out))),
    startOffsets: async (topics) => backKeys(await log.startOffsets(topics.map(out))),
    identity: async (topics): Promise<LogIdentity> => {
      const { clusterId, topicIds } = await log.identity(topics.map(out));
      return { clusterId, topicIds: backKeys(topicIds) };
    },
    members: async (groups) => backKeys(await log.members(groups.map(out))),
    cluster: () => log.cluster(),
    describeTopics: async (names) => {
      const { topics, denied } = await log.describeTopics(names.map(out));
      return { topics: topics.map((state) => ({ ...state, name: back(state.name) })), denied: denied.map(back) };
    },
    createTopics: (topics) => log.createTopics(topics.map((topic) => ({ ...topic, name: out(topic.name) }))),
    addPartitions: (name, total) => log.addPartitions(out(name), total),
    deleteTopics: (names, confirm) => log.deleteTopics(names.map(out), confirm),
    configureTopic: (name, config) => log.configureTopic(out(name), config),
    close: () => log.close(),
  };
}

function prefixedSubscription(log: Log, options: SubscribeOptions, prefix: string): Subscription {
  const out = <T extends TopicPartition>(partition: T): T => ({ ...partition, topic: prefix + partition.topic });
  const back = <T extends TopicPartition>(partition: T): T => ({
    ...partition,
    topic: partition.topic.slice(prefix.length),
  });
  const inner = log.subscribe({
    ...options,
    group: prefix + options.group,
    topics: options.topics.map((topic) => prefix + topic),
    startAt: async (partitions) => {
      const offsets = await options.startAt(partitions.map(back));
      return new Map([...offsets].map(([key, offset]) => [prefix + key, offset]));
    },
  });
  return {
    owns: (partition) => inner.owns(out(partition)),
    commit: (partition, nextOffset) => inner.commit(out(partition), nextOffset),
    async *[Symbol.asyncIterator](): AsyncGenerator<RecordBatch> {
      for await (const batch of inner) yield { ...back(batch), records: batch.records.map(back) };
    },
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
  };
}
