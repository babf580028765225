import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import type { BaseOptions, SASLOptions } from "@platformatic/kafka";
import type { KafkaConfig } from "../../config.ts";
import { UserError } from "../../engine/errors.ts";
import { awsTokens, checkTokenAnswer } from "./aws-token.ts";
import { onlyOnThisMachine } from "./clear-login.ts";

/** Bounds of a client: how often and how long it tries by itself. */
interface ClientLimits {
  readonly retries: number;
  /** Milliseconds between two tries, before the jitter. */
  readonly retryDelay: number;
  readonly timeout: number;
  readonly requestTimeout: number;
  readonly connectTimeout: number;
}

/** For probes and start-up: says within seconds that something is wrong instead of trying on. */
export const BOUNDED: ClientLimits = {
  retries: 2,
  retryDelay: 200,
  timeout: 5_000,
  requestTimeout: 5_000,
  connectTimeout: 5_000,
};

/** For the long-lived clients: a request may fail within seconds too; the loops above them try again with backoff. */
const LONG_LIVED: ClientLimits = {
  retries: 3,
  retryDelay: 300,
  timeout: 10_000,
  requestTimeout: 15_000,
  connectTimeout: 5_000,
};

/** The one place that turns the configuration into options of the Kafka client. */
export function clientOptions(config: KafkaConfig, limits: ClientLimits = LONG_LIVED): BaseOptions {
  return {
    clientId: config.clientId,
    bootstrapBrokers: shuffled(config.brokers),
    autocreateTopics: false,
    ...limits,
    retryDelay: () => limits.retryDelay * (0.5 + Math.random()),
    ...(config.ssl ? { tls: tlsOptions(config), ...serverName(config.brokers) } : {}),
    ...saslOptions(config),
  };
}

/** Every client starts with the first address; many clients should not all start with the same. */
function shuffled(brokers: readonly string[]): string[] {
  return brokers
    .map((broker) => ({ broker, at: Math.random() }))
    .sort((one, other) => one.at - other.at)
    .map(({ broker }) => broker);
}

/** Proxies in front of brokers tell them apart by name (SNI); an address is no name and may not be sent as one. */
function serverName(brokers: readonly string[]): { tlsServerName?: boolean } {
  return brokers.every((broker) => !isIP(splitAddress(broker).host)) ? { tlsServerName: true } : {};
}

/** What the client takes where an address names none. */
const DEFAULT_PORT = 9092;

export function splitAddress(broker: string): { host: string; port: number } {
  const [, host = broker, port = DEFAULT_PORT] = /^(.*?)(?::(\d+))?$/.exec(broker) ?? [];
  return { host: host.replace(/^\[|\]$/g, ""), port: Number(port) };
}

/** Without a CA of our own, the system's count. Chain and name are always checked. */
export function tlsOptions(config: KafkaConfig): { ca?: Buffer; cert?: Buffer; key?: Buffer } {
  return {
    ...(config.sslCaFile && { ca: readPem("KAFKA_SSL_CA_FILE", config.sslCaFile) }),
    ...(config.sslCertFile && { cert: readPem("KAFKA_SSL_CERT_FILE", config.sslCertFile) }),
    ...(config.sslKeyFile && { key: readPem("KAFKA_SSL_KEY_FILE", config.sslKeyFile) }),
  };
}

function readPem(variable: string, file: string): Buffer {
  let content: Buffer;
  try {
    content = readFileSync(file);
  } catch (error) {
    const { code = "unknown reason" } = error as NodeJS.ErrnoException;
    throw new UserError(`${variable} cannot be read: ${file} (${code})`, 1, { cause: error });
  }
  if (content.includes("-----BEGIN ")) return content;
  throw new UserError(`${variable}: ${file} is no PEM file, which begins with -----BEGIN`);
}

const MECHANISMS = { plain: "PLAIN", "scram-sha-256": "SCRAM-SHA-256", "scram-sha-512": "SCRAM-SHA-512" } as const;

/** What the broker calls the configured method; null: no login. */
export function mechanismOf({ auth }: KafkaConfig): string | null {
  if (auth === "none") return null;
  return auth === "aws-iam" ? "OAUTHBEARER" : MECHANISMS[auth];
}

function saslOptions(config: KafkaConfig): { sasl?: SASLOptions } {
  if (config.auth === "none") return {};
  const guard = config.ssl ? {} : { authenticate: onlyOnThisMachine };
  if (config.auth === "aws-iam") {
    return {
      sasl: {
        ...guard,
        mechanism: "OAUTHBEARER",
        token: tokensFor(config.region ?? ""),
        authBytesValidator: checkTokenAnswer as NonNullable<SASLOptions["authBytesValidator"]>,
      },
    };
  }
  const { username = "", password = "" } = config;
  return { sasl: { ...guard, mechanism: MECHANISMS[config.auth], username, password } };
}

const tokens = new Map<string, () => Promise<string>>();

/** One maker of tokens for all clients of the process, so that they share its answers. */
export function tokensFor(region: string): () => Promise<string> {
  const known = tokens.get(region) ?? awsTokens(region);
  tokens.set(region, known);
  return known;
}
