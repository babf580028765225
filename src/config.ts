import { isAbsolute, resolve } from "node:path";
import { z } from "zod";
import { UserError } from "./engine/errors.ts";
import { readSecretFiles } from "./secret-files.ts";

const port = z.coerce.number("must be a port number").int().min(1).max(65535).optional();
const milliseconds = (fallback: number) => z.coerce.number().int().min(0).default(fallback);
const flag = z
  .enum(["true", "false", "1", "0"])
  .transform((value) => value === "true" || value === "1")
  .optional();
const list = z
  .string()
  .default("")
  .transform((value) =>
    value
      .split(",")
      .map((item) => item.trim())
      .filter(Boolean),
  );

/** Every variable the program reads, its form and its default. The only place that knows their names. */
const environment = z.object({
  DATABASE_URL: z
    .string()
    .refine(
      (value) => /^postgres(ql)?:\/\//.test(value) && URL.canParse(value),
      "must look like postgres://user:password@host:5432/database",
    )
    .optional(),
  STREAM_TRANSPORT: z.enum(["kafka", "embedded"]).optional(),
  KAFKA_BROKERS: list,
  KAFKA_CLIENT_ID: z.string().min(1).default("stream-agents"),
  KAFKA_TOPIC_PREFIX: z
    .string()
    .regex(/^[a-zA-Z0-9._-]{0,100}$/, "letters, digits, dot, dash, underscore")
    .default(""),
  KAFKA_AUTH_METHOD: z.enum(["none", "plain", "scram-sha-256", "scram-sha-512", "aws-iam"]).default("none"),
  KAFKA_SASL_USERNAME: z.string().optional(),
  KAFKA_SASL_PASSWORD: z.string().optional(),
  KAFKA_SSL: flag,
  KAFKA_SSL_CA_FILE: z.string().optional(),
  KAFKA_SSL_CERT_FILE: z.string().optional(),
  KAFKA_SSL_KEY_FILE: z.string().optional(),
  AWS_REGION: z.string().optional(),
  OPENAI_API_KEY: z.string().optional(),
  OPENAI_BASE_URL: z.url().optional(),
  OPENAI_MODEL: z.string().default("gpt-4o-mini"),
  OPENAI_DAILY_TOKENS: z.coerce.number().int().min(1).optional(),
  /** Under the enricher's own deadline of two minutes. */
  OPENAI_TIMEOUT_MS: z.coerce.number().int().min(1_000).max(115_000).default(90_000),
  FETCH_ALLOW_HOSTS: list,
  LINK_DEFAULT_VISIBILITY: z.enum(["private", "public"]).default("private"),
  SITE_URL: z.url().optional(),
  SITE_TITLE: z.string().default("Links"),
  API_CORS_ORIGINS: list,
  STREAM_HOME: z.string().default(".stream"),
  STREAM_PG_PORT: port,
  STREAM_KAFKA_PORT: port,
  STREAM_WEB_PORT: port,
  STREAM_WEB_HOST: z.union([z.ipv4(), z.ipv6()], "must be an IP address of this machine").default("127.0.0.1"),
  STREAM_WEB_ALLOWED_HOSTS: list,
  STREAM_HEALTH_PORT: port,
  OTEL_EXPORTER_OTLP_ENDPOINT: z.url({ protocol: /^https?$/ }).optional(),
  RETRY_BASE_MS: milliseconds(15_000),
  RETRY_CAP_MS: milliseconds(3_600_000),
  DRAIN_TIMEOUT_MS: milliseconds(10_000),
  LOG_LEVEL: z.enum(["debug", "info", "warn", "error"]).default("info"),
});

export type KafkaAuthMethod = z.infer<typeof environment>["KAFKA_AUTH_METHOD"];

export interface KafkaConfig {
  readonly brokers: readonly string[];
  readonly clientId: string;
  /** Before every topic and group name in the cluster. */
  readonly topicPrefix: string;
  readonly auth: KafkaAuthMethod;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly ssl: boolean;
  readonly sslCaFile: string | undefined;
  /** Our own certificate and its key, where the broker asks for one. Both or neither. */
  readonly sslCertFile: string | undefined;
  readonly sslKeyFile: string | undefined;
  readonly region: string | undefined;
}

export interface Config {
  readonly databaseUrl: string | undefined;
  /** Which log carries the events; undefined: Kafka where there is one. */
  readonly transport: "kafka" | "embedded" | undefined;
  readonly kafka: KafkaConfig;
  readonly llm: {
    apiKey: string | undefined;
    baseUrl: string | undefined;
    model: string;
    timeoutMs: number;
    dailyTokens: number | undefined;
  };
  readonly fetchAllowHosts: readonly string[];
  readonly defaultVisibility: "private" | "public";
  readonly site: { url: string | undefined; title: string };
  readonly corsOrigins: readonly string[];
  readonly home: string;
  readonly ports: {
    postgres: number | undefined;
    kafka: number | undefined;
    web: number | undefined;
    health: number | undefined;
  };
  /** Address to listen on, and the names besides this machine's own under which the page answers. */
  readonly web: { host: string; allowedHosts: readonly string[] };
  /** Where traces go; undefined: nowhere. */
  readonly otlpEndpoint: string | undefined;
  readonly retry: { baseMs: number; capMs: number };
  readonly drainTimeoutMs: number;
  readonly logLevel: "debug" | "info" | "warn" | "error";
}

/**
 * Reads the configuration out of an environment. Throws one UserError that names every problem at once.
 * An empty variable counts as unset, as a line `NAME=` in `.env` means.
 */
export function loadConfig(env: Record<string, string | undefined>, cwd: string): Config {
  const files = readSecretFiles(env);
  const set = Object.entries(files.env).filter(([, value]) => value !== undefined && value !== "");
  const parsed = environment.safeParse(Object.fromEntries(set));
  const problems = [...files.problems];
  if (!parsed.success) problems.push(...parsed.error.issues.map(describeIssue));
  else if (problems.length === 0) problems.push(...securityProblems(parsed.data));
  if (!parsed.success || problems.length > 0) throw new UserError(`configuration: ${problems.join("; ")}`);
  const value = parsed.data;
  return {
    databaseUrl: value.DATABASE_URL,
    transport: value.STREAM_TRANSPORT,
    kafka: {
      brokers: value.KAFKA_BROKERS,
      clientId: value.KAFKA_CLIENT_ID,
      topicPrefix: value.KAFKA_TOPIC_PREFIX,
      auth: value.KAFKA_AUTH_METHOD,
      username: value.KAFKA_SASL_USERNAME,
      password: value.KAFKA_SASL_PASSWORD,
      ssl: usesTls(value),
      sslCaFile: value.KAFKA_SSL_CA_FILE,
      sslCertFile: value.KAFKA_SSL_CERT_FILE,
      sslKeyFile: value.KAFKA_SSL_KEY_FILE,
      region: value.AWS_REGION,
    },
    llm: {
      apiKey: value.OPENAI_API_KEY,
      baseUrl: value.OPENAI_BASE_URL,
      model: value.OPENAI_MODEL,
      timeoutMs: value.OPENAI_TIMEOUT_MS,
      dailyTokens: value.OPENAI_DAILY_TOKENS,
    },
    fetchAllowHosts: value.FETCH_ALLOW_HOSTS,
    defaultVisibility: value.LINK_DEFAULT_VISIBILITY,
    site: { url: value.SITE_URL, title: value.SITE_TITLE },
    corsOrigins: value.API_CORS_ORIGINS,
    home: isAbsolute(value.STREAM_HOME) ? value.STREAM_HOME : resolve(cwd, value.STREAM_HOME),
    ports: {
      postgres: value.STREAM_PG_PORT,
      kafka: value.STREAM_KAFKA_PORT,
      web: value.STREAM_WEB_PORT,
      health: value.STREAM_HEALTH_PORT,
    },
    web: { host: value.STREAM_WEB_HOST, allowedHosts: value.STREAM_WEB_ALLOWED_HOSTS },
    otlpEndpoint: value.OTEL_EXPORTER_OTLP_ENDPOINT,
    retry: { baseMs: value.RETRY_BASE_MS, capMs: value.RETRY_CAP_MS },
    drainTimeoutMs: value.DRAIN_TIMEOUT_MS,
    logLevel: value.LOG_LEVEL,
  };
}

/** One problem as a person reads it: the variable and what it should be. Never the value: it may be a secret. */
function describeIssue(issue: z.core.$ZodIssue): string {
  return `${issue.path.join(".")}: ${issue.message}`;
}

const LOOPBACK = /^(127\.\d+\.\d+\.\d+|localhost|\[::1\]|::1)(:\d+)?$/;

type Environment = z.infer<typeof environment>;

/** A token for AWS goes over TLS unless told otherwise. */
function usesTls(value: Environment): boolean {
  return value.KAFKA_SSL ?? value.KAFKA_AUTH_METHOD === "aws-iam";
}

function securityProblems(value: Environment): string[] {
  const method = value.KAFKA_AUTH_METHOD;
  const needsPassword = method === "plain" || method.startsWith("scram");
  const problems: string[] = [];
  if (needsPassword && (!value.KAFKA_SASL_USERNAME || !value.KAFKA_SASL_PASSWORD)) {
    problems.push(`KAFKA_AUTH_METHOD=${method} needs KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD`);
  }
  const remote = value.KAFKA_BROKERS.filter((broker) => !LOOPBACK.test(broker));
  if (method !== "none" && !usesTls(value) && remote.length > 0) {
    const secret = needsPassword ? "a password" : "a token";
    problems.push(`KAFKA_SSL=true is needed: ${secret} is not sent to ${remote.join(", ")} in the clear`);
  }
  if (method === "aws-iam" && !value.AWS_REGION) problems.push("KAFKA_AUTH_METHOD=aws-iam needs AWS_REGION");
  return [...problems, ...certificateProblems(value)];
}

const CERTIFICATES = ["KAFKA_SSL_CA_FILE", "KAFKA_SSL_CERT_FILE", "KAFKA_SSL_KEY_FILE"] as const;

function certificateProblems(value: Environment): string[] {
  const problems: string[] = [];
  const given = CERTIFICATES.filter((name) => value[name]);
  if (given.length > 0 && !usesTls(value)) problems.push(`${given.join(", ")} needs KAFKA_SSL=true`);
  if (Boolean(value.KAFKA_SSL_CERT_FILE) !== Boolean(value.KAFKA_SSL_KEY_FILE)) {
    problems.push("KAFKA_SSL_CERT_FILE and KAFKA_SSL_KEY_FILE are needed together");
  }
  return problems;
}
