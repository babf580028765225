import { readFileSync } from "node:fs";
import type { BaseOptions } from "@platformatic/kafka";
import type { KafkaConfig } from "../../config.ts";
import { messageOf, UserError } from "../../engine/errors.ts";

/** For probes and start-up: says within seconds that something is wrong instead of trying on. */
export const BOUNDED = { retries: 2, retryDelay: 200, timeout: 5_000, requestTimeout: 5_000, connectTimeout: 5_000 };

/** For the long-lived clients: a request may fail within seconds too; the loops above them try again with backoff. */
export const LONG_LIVED = {
  retries: 3,
  retryDelay: 300,
  timeout: 10_000,
  requestTimeout: 15_000,
  connectTimeout: 5_000,
};

/** The one place that turns the configuration into options of the Kafka client. */
export function clientOptions(config: KafkaConfig, limits: typeof BOUNDED = LONG_LIVED): BaseOptions {
  return {
    clientId: config.clientId,
    bootstrapBrokers: [...config.brokers],
    autocreateTopics: false,
    ...limits,
    ...(config.ssl ? { tls: config.sslCaFile ? { ca: readCaFile(config.sslCaFile) } : {} } : {}),
    ...saslOptions(config),
  };
}

function readCaFile(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new UserError(`KAFKA_SSL_CA_FILE cannot be read: ${messageOf(error)}`, 1, { cause: error });
  }
}

const MECHANISMS = { plain: "PLAIN", "scram-sha-256": "SCRAM-SHA-256", "scram-sha-512": "SCRAM-SHA-512" } as const;

function saslOptions(config: KafkaConfig): Pick<BaseOptions, "sasl"> {
  if (config.auth === "none") return {};
  if (config.auth === "aws-iam") {
    throw new UserError("KAFKA_AUTH_METHOD=aws-iam is not supported by this version yet");
  }
  return {
    sasl: {
      mechanism: MECHANISMS[config.auth],
      username: config.username ?? "",
      password: config.password ?? "",
    },
  };
}
