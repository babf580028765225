/** The parts of which problems.ts makes its sentences. */
import type { Cause } from "./causes.ts";
import { mechanismOf } from "./client-options.ts";
import type { Attempt } from "./problems.ts";

export const GRANT = 'an administrator can grant it ("npm run kafka:init -- --acls")';

/** Who we are to the broker. */
export function who({ config }: Attempt): string {
  if (config.auth === "aws-iam") return "this AWS identity";
  if (config.username && config.auth !== "none") return `the user "${config.username}"`;
  return config.sslCertFile ? `the certificate in ${config.sslCertFile}` : "a client without a login";
}

/** The broker it happened at, or all that are configured. */
export function brokerOf({ broker, config }: Attempt): string {
  return broker ?? config.brokers.join(", ");
}

export function topicsOf({ topics = [] }: Attempt): string {
  if (topics.length === 0) return "the topics of this stage";
  return `the topic${topics.length > 1 ? "s" : ""} ${topics.join(", ")}`;
}

/** How the client says which of several topics is not there. */
export const UNKNOWN_TOPIC = /^Unknown topic (\S+)\.$/;

/** The topic that is not there, where the client names it; else those that were asked for. */
export function missingTopic(error: Cause, attempt: Attempt): string {
  const [, topic] = UNKNOWN_TOPIC.exec(error.message) ?? [];
  return topicsOf(topic && topic !== "unknown" ? { ...attempt, topics: [topic] } : attempt);
}

/** The broker's address out of what the client said, where it names one. */
export function brokerIn(all: readonly Cause[]): string | undefined {
  return all.map((error) => /^Connection to (\S+:\d+) (failed|timed out)/.exec(error.message)?.[1]).find(Boolean);
}

export function hostIn(error: Cause, attempt: Attempt): string {
  return typeof error.hostname === "string" ? error.hostname : brokerOf(attempt).replace(/:\d+$/, "");
}

/** Whom a certificate is for, as TLS tells it with the error. */
export function namesIn(error: Cause): string {
  const { subjectaltname } = (error.cert ?? {}) as { subjectaltname?: string };
  const listed = subjectaltname?.replaceAll(/(DNS|IP Address):/g, "");
  return listed || "another name";
}

/** What the broker itself wrote about its no. */
export function brokersWords(error: Cause): string {
  return String(error.serverErrorMessage || error.message);
}

export function tokenRefused(error: Cause, attempt: Attempt): string {
  const why = oneLine(brokersWords(error));
  return `${brokerOf(attempt)} refused the AWS token (${why}): the identity needs kafka-cluster:Connect on this cluster, and AWS_REGION must be the cluster's (it is ${attempt.config.region})`;
}

/** The login methods that a broker names when it does not know ours. */
export function offered(all: readonly Cause[]): string {
  const answers = all.map(({ response }) => (response as { mechanisms?: string[] } | undefined)?.mechanisms ?? []);
  const mechanisms = answers.find((answer) => answer.length > 0);
  return mechanisms ? `, only ${mechanisms.join(", ")}` : "";
}

/** The names that the probe found. */
export function namesOf(error: Cause): readonly string[] {
  return (error as { names?: readonly string[] }).names ?? [];
}

/** The same, in brackets. */
export function listed(error: Cause): string {
  const names = namesOf(error);
  return names.length > 0 ? ` (${names.join(", ")})` : "";
}

export function clientCertificate(attempt: Attempt): string {
  const { sslCertFile } = attempt.config;
  return sslCertFile
    ? `${brokerOf(attempt)} refused the certificate in ${sslCertFile}: it must be signed by a CA that the broker trusts, and be valid today`
    : `${brokerOf(attempt)} asks for a client certificate: name it in KAFKA_SSL_CERT_FILE and its key in KAFKA_SSL_KEY_FILE`;
}

/** No more exact than it must be: a sentence that changes with every try would be told anew every time. */
export function today(): string {
  return new Date().toISOString().slice(0, "2026-11-24".length);
}

/** For those who compare it with a clock on the wall, to the minute. */
export function now(): string {
  return `${new Date().toISOString().slice(0, "2026-11-24T03:43".length).replace("T", " ")} UTC`;
}

export function mechanism({ config }: Attempt): string {
  return mechanismOf(config) ?? "no login";
}

export function oneLine(text: string): string {
  return text.split("\n", 1)[0]?.trim() ?? "";
}

/** The innermost message says what happened; the outer ones only that something did. */
export function innermost(all: readonly Cause[]): string | undefined {
  return all
    .map((error) => oneLine(error.message))
    .filter(Boolean)
    .at(-1);
}
