import { createEmbeddedLog } from "./adapters/embedded/log.ts";
import { classify, connect, isTransactionPooler } from "./adapters/postgres/connect.ts";
import type { KafkaConfig } from "./config.ts";
import { UserError } from "./engine/errors.ts";
import type { Log } from "./engine/log.ts";
import type { Logger } from "./engine/logger.ts";

export type TransportKind = "kafka" | "embedded";

/** Which log carries the events. */
export interface Transport {
  readonly kind: TransportKind;
  /** Why it is this one, to be read after its name. */
  readonly why: string;
}

export interface LogOptions {
  readonly kind: TransportKind;
  readonly kafka: KafkaConfig;
  readonly databaseUrl: string;
  readonly name: string;
  readonly answerWithinMs?: number | undefined;
  readonly logger: Logger;
}

/** Appends, reads, beats and looks at topics side by side; all of it is short. */
const EMBEDDED_CONNECTIONS = 4;

const refuse = async (): Promise<never> => {
  throw new UserError("no Kafka: set KAFKA_BROKERS");
};

/** The log of a command that never talks to one. */
const noLog: Log = {
  append: refuse,
  subscribe() {
    throw new UserError("no Kafka: set KAFKA_BROKERS");
  },
  endOffsets: refuse,
  startOffsets: refuse,
  identity: refuse,
  members: refuse,
  cluster: refuse,
  describeTopics: refuse,
  createTopics: refuse,
  addPartitions: refuse,
  deleteTopics: refuse,
  configureTopic: refuse,
  close: async () => {},
};

/** Opens the log; nothing is connected before it is used. Kafka's client is loaded only here: it takes half a second. */
export async function openLog({ kind, kafka, databaseUrl, name, answerWithinMs, logger }: LogOptions): Promise<Log> {
  if (kind === "kafka" && kafka.brokers.length === 0) return noLog;
  if (kind === "kafka") return (await import("./adapters/kafka/log.ts")).createKafkaLog(kafka, logger);
  const db = connect({
    url: databaseUrl,
    name: `${name} log`,
    maxConnections: EMBEDDED_CONNECTIONS,
    answerWithinMs,
  });
  return createEmbeddedLog({ db, canListen: !isTransactionPooler(databaseUrl), classify, logger });
}
