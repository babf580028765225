import type { KafkaConfig } from "../../config.ts";
import type { Log } from "../../engine/log.ts";
import type { Logger } from "../../engine/logger.ts";
import { within } from "../../engine/patience.ts";
import * as admin from "./admin.ts";
import { prefixed } from "./prefixed.ts";
import { KafkaAppender } from "./producer.ts";
import { closeAdmin } from "./shared-admin.ts";
import { KafkaSubscription } from "./subscription.ts";

/** A broker that says nothing may keep an append waiting for a minute; whoever ends does not wait for it. */
const CLOSE_MS = 1_000;

/** Kafka as the log. Opens connections when they are first needed. */
export function createKafkaLog(config: KafkaConfig, log: Logger): Log {
  const appender = new KafkaAppender(config);
  const kafka: Log = {
    append: (topic, records, among) => appender.append(topic, records, among),
    subscribe: (options) => new KafkaSubscription(config, options, log),
    endOffsets: (topics) => admin.endOffsets(config, topics),
    startOffsets: (topics) => admin.startOffsets(config, topics),
    identity: (topics) => admin.identity(config, topics),
    members: (groups) => admin.members(config, groups),
    cluster: () => admin.cluster(config),
    describeTopics: (names) => admin.describeTopics(config, names),
    createTopics: (topics) => admin.createTopics(config, topics),
    addPartitions: (name, total) => admin.addPartitions(config, name, total),
    deleteTopics: (names, confirm) => admin.deleteTopics(config, names, confirm),
    configureTopic: (name, settings) => admin.configureTopic(config, name, settings),
    async close() {
      const closing = Promise.all([appender.close(), closeAdmin(config)]);
      await within<unknown>(CLOSE_MS, closing, () => undefined);
    },
  };
  return prefixed(kafka, config.topicPrefix);
}
