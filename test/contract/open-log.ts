import { createEmbeddedLog } from "../../src/adapters/embedded/log.ts";
import { createKafkaLog } from "../../src/adapters/kafka/log.ts";
import { classify, connect, isTransactionPooler } from "../../src/adapters/postgres/connect.ts";
import { loadConfig } from "../../src/config.ts";
import type { Log } from "../../src/engine/log.ts";
import type { Logger } from "../../src/engine/logger.ts";

export function openKafkaLog(brokers: string, prefix: string, logger: Logger): Log {
  return createKafkaLog(loadConfig({ KAFKA_BROKERS: brokers, KAFKA_TOPIC_PREFIX: prefix }, "/").kafka, logger);
}

export function openEmbeddedLog(databaseUrl: string, name: string, logger: Logger): Log {
  const db = connect({ url: databaseUrl, name, maxConnections: 4 });
  return createEmbeddedLog({ db, canListen: !isTransactionPooler(databaseUrl), classify, logger });
}
