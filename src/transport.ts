import { createEmbeddedLog } from "./adapters/embedded/log.ts";
import { createKafkaLog } from "./adapters/kafka/log.ts";
import { classify, connect, isTransactionPooler } from "./adapters/postgres/connect.ts";
import type { KafkaConfig } from "./config.ts";
import type { Logger } from "./engine/logger.ts";
import type { Log } from "./engine/ports.ts";

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

/** Opens the log; nothing is connected before it is used. */
export function openLog({ kind, kafka, databaseUrl, name, answerWithinMs, logger }: LogOptions): Log {
  if (kind === "kafka") return createKafkaLog(kafka, logger);
  const db = connect({
    url: databaseUrl,
    name: `${name} log`,
    maxConnections: EMBEDDED_CONNECTIONS,
    answerWithinMs,
  });
  return createEmbeddedLog({ db, canListen: !isTransactionPooler(databaseUrl), classify, logger });
}
