/**
 * What can go wrong between us and a Kafka: one table from errors to a kind and a sentence. Probe, start-up, the running
 * stages and the doctor all read it, so that one thing is called one name everywhere.
 */
import type { KafkaConfig } from "../../config.ts";
import { AwsCredentialsError, TokenRefusedError } from "./aws-token.ts";
import { type Cause, causes } from "./causes.ts";
import { ClearLoginError } from "./clear-login.ts";
import * as words from "./problem-words.ts";

export type ProblemKind =
  | "topic_rights"
  | "group_rights"
  | "cluster_rights"
  | "topic_missing"
  | "broker_disk"
  | "too_few_replicas"
  | "unknown_ca"
  | "certificate_expired"
  | "certificate_name"
  | "certificate"
  | "client_certificate"
  | "tls_expected"
  | "tls_not_expected"
  | "login_expected"
  | "login_not_expected"
  | "login_mechanism"
  | "login_refused"
  | "login_throttled"
  | "login_in_the_clear"
  | "aws_credentials"
  | "aws_clock"
  | "aws_refused"
  | "name_unknown"
  | "nothing_listens"
  | "no_answer"
  | "no_route"
  | "advertised_address"
  | "advertised_by_address"
  | "silent"
  | "not_kafka"
  | "connection_lost"
  | "other";

/** A problem as it is told: what is the matter and what to do, in one sentence without a secret. */
export interface Problem {
  readonly kind: ProblemKind;
  /** Follows "Kafka: " or "Kafka cannot be used: ", so it begins in lower case and ends without a full stop. */
  readonly sentence: string;
  /** Trying again mends nothing until a person did something: wait longer between tries. */
  readonly needsPerson: boolean;
}

/** What was tried, as far as it is known where the error was caught. */
export interface Attempt {
  readonly config: KafkaConfig;
  /** HOST:PORT */
  readonly broker?: string | undefined;
  /** As they are called in the cluster. */
  readonly topics?: readonly string[] | undefined;
  readonly group?: string | undefined;
}

interface Row {
  readonly kind: ProblemKind;
  readonly matches: (error: Cause) => boolean;
  readonly says: (error: Cause, attempt: Attempt, all: readonly Cause[]) => string;
  /** It goes away by itself, or may. */
  readonly passing?: true;
}

const code = (pattern: RegExp) => (error: Cause) => pattern.test(String(error.code));
const apiId = (pattern: RegExp) => (error: Cause) => pattern.test(String(error.apiId));
const says = (pattern: RegExp) => (error: Cause) => pattern.test(error.message);
const isTokenError = (error: Cause) => error instanceof TokenRefusedError;
/** The broker's no to a login, in these words of its own. */
const refusedWith = (pattern: RegExp) => (error: Cause) =>
  (isTokenError(error) || error.apiId === "SASL_AUTHENTICATION_FAILED") && pattern.test(words.brokersWords(error));
const any =
  (...matches: readonly ((error: Cause) => boolean)[]) =>
  (error: Cause) =>
    matches.some((one) => one(error));

/** What the probe sees by looking, where a client only loses its connection. */
export class Finding extends Error {
  override readonly name = "Finding";
  readonly kind: ProblemKind;
  /** Login methods, or addresses: whatever the sentence of this kind names. */
  readonly names: readonly string[];
  constructor(kind: ProblemKind, names: readonly string[] = []) {
    super(kind);
    this.kind = kind;
    this.names = names;
  }
}

const found = (kind: ProblemKind) => (error: Cause) => error instanceof Finding && error.kind === kind;

/** A producer asks for its id first; a login that may write to no topic gets none, and the cluster's name for that. */
function mayWriteNowhere(error: Cause): boolean {
  const refused = [...causes(error)].some((inner) => inner.apiId === "CLUSTER_AUTHORIZATION_FAILED");
  return refused && /executing API InitProducerId/.test(error.message);
}

/** The first row that any of the nested errors matches counts: a refused password also closes the connection. */
const ROWS: readonly Row[] = [
  {
    kind: "topic_rights",
    matches: any(apiId(/^TOPIC_AUTHORIZATION_FAILED$/), mayWriteNowhere),
    says: (_, attempt) => `${words.who(attempt)} may not use ${words.topicsOf(attempt)}: ${words.GRANT}`,
  },
  {
    kind: "group_rights",
    matches: apiId(/^GROUP_AUTHORIZATION_FAILED$/),
    says: (_, attempt) =>
      `${words.who(attempt)} may not use the consumer group ${attempt.group ?? "of this stage"}: ${words.GRANT}`,
  },
  {
    kind: "cluster_rights",
    matches: apiId(/_AUTHORIZATION_FAILED$/),
    says: (error, attempt) => `${words.who(attempt)} lacks a right (${error.apiId}): ${words.GRANT}`,
  },
  {
    kind: "topic_missing",
    matches: any(apiId(/^UNKNOWN_TOPIC(_OR_PARTITION|_ID)$/), says(words.UNKNOWN_TOPIC)),
    says: (error, attempt) => `Kafka lacks ${words.missingTopic(error, attempt)}: run "npm run kafka:init"`,
    passing: true,
  },
  {
    kind: "broker_disk",
    matches: apiId(/^(KAFKA_STORAGE_ERROR|LOG_DIR_NOT_FOUND)$/),
    says: (_, attempt) =>
      `the disk of ${words.brokerOf(attempt)} is full or broken: make room there, start the broker again`,
    passing: true,
  },
  {
    kind: "too_few_replicas",
    matches: apiId(/^NOT_ENOUGH_REPLICAS(_AFTER_APPEND)?$/),
    says: (_, attempt) =>
      `too few brokers are up to keep ${words.topicsOf(attempt)} safe (min.insync.replicas): start those that are away`,
    passing: true,
  },
  {
    kind: "certificate_expired",
    matches: code(/^CERT_(HAS_EXPIRED|NOT_YET_VALID)$/),
    says: (_, attempt) =>
      `${words.brokerOf(attempt)} shows a certificate that is not valid today (${words.today()}): renew it on the broker, or set this machine's clock right`,
  },
  {
    kind: "certificate_name",
    matches: code(/^ERR_TLS_CERT_ALTNAME_INVALID$/),
    says: (error, attempt) =>
      `${words.brokerOf(attempt)} shows a certificate for ${words.namesIn(error)}: write the broker in KAFKA_BROKERS as its certificate names it`,
  },
  {
    kind: "unknown_ca",
    matches: code(/^(SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_\w+)$/),
    says: (_, attempt) =>
      attempt.config.sslCaFile
        ? `${words.brokerOf(attempt)} shows a certificate that no CA in ${attempt.config.sslCaFile} signed: put the CA of this cluster into KAFKA_SSL_CA_FILE`
        : `${words.brokerOf(attempt)} shows a certificate of a CA that this machine does not know: name the CA's file in KAFKA_SSL_CA_FILE`,
  },
  {
    kind: "client_certificate",
    // By code on Bun, by words on Node.
    matches: any(
      code(/^ERR_SSL_\w*ALERT\w*(CERTIFICATE|UNKNOWN_CA)\w*$/),
      says(/alert (bad certificate|certificate \w+|unknown ca)/i),
    ),
    says: (_, attempt) => words.clientCertificate(attempt),
  },
  {
    kind: "certificate",
    matches: any(
      code(/^(CERT_|ERR_TLS_CERT_|ERR_OSSL_X509_|ERR_OSSL_PEM_)/),
      says(/X509|PEM routines|KEY_VALUES_MISMATCH/),
    ),
    says: (error, attempt) =>
      `the certificates for ${words.brokerOf(attempt)} do not fit (${String(error.code ?? error.message)}): check the files in KAFKA_SSL_CA_FILE, KAFKA_SSL_CERT_FILE and KAFKA_SSL_KEY_FILE`,
  },
  {
    kind: "aws_credentials",
    matches: (error) => error instanceof AwsCredentialsError,
    says: (error) =>
      `there are no AWS credentials (${words.oneLine(error.message)}): set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give this machine a role`,
  },
  {
    kind: "login_throttled",
    matches: refusedWith(/too many connects/i),
    says: (_, attempt) =>
      `${words.brokerOf(attempt)} takes no further logins just now (the smallest brokers of Amazon MSK take four a second): start fewer processes at the same time`,
    passing: true,
  },
  {
    kind: "aws_clock",
    matches: refusedWith(/signature (expired|not yet)|not yet current|skew/i),
    says: (_, attempt) =>
      `${words.brokerOf(attempt)} refused the AWS token because of its time: set this machine's clock right (it says ${words.now()})`,
  },
  {
    kind: "aws_refused",
    matches: isTokenError,
    says: words.tokenRefused,
  },
  {
    kind: "login_mechanism",
    matches: apiId(/^UNSUPPORTED_SASL_MECHANISM$/),
    says: (_, attempt, all) =>
      `${words.brokerOf(attempt)} does not take ${words.mechanism(attempt)} logins${words.offered(all)}: set KAFKA_AUTH_METHOD to what this port takes`,
  },
  {
    kind: "login_refused",
    matches: any(apiId(/^SASL_AUTHENTICATION_FAILED$/), says(/^Invalid SASL\/OAUTHBEARER/), says(/server signature/i)),
    says: (error, attempt) =>
      attempt.config.auth === "aws-iam"
        ? words.tokenRefused(error, attempt)
        : `${words.brokerOf(attempt)} refused the login of "${attempt.config.username}" with ${words.mechanism(attempt)}: the password is wrong or there is no such user, check KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD`,
  },
  {
    kind: "login_in_the_clear",
    matches: (error) => error instanceof ClearLoginError,
    says: (error) =>
      `a broker is at ${(error as Cause & ClearLoginError).broker}, which is not this machine, and without TLS others could read the login on its way, so none was sent there: set KAFKA_SSL=true and use the brokers' TLS listener, or correct advertised.listeners`,
  },
  {
    kind: "tls_expected",
    matches: any(found("tls_expected"), says(/^Broker requires TLS/)),
    says: (_, attempt) => `${words.brokerOf(attempt)} speaks TLS: set KAFKA_SSL=true`,
  },
  {
    kind: "tls_not_expected",
    matches: any(
      found("tls_not_expected"),
      says(/^TLS handshake failed|before secure TLS connection/),
      code(/^(EPROTO|ERR_SSL_WRONG_VERSION_NUMBER|ERR_SSL_PACKET_LENGTH_TOO_LONG)$/),
    ),
    says: (_, attempt) =>
      `${words.brokerOf(attempt)} does not speak TLS: use the port of a TLS listener, or set KAFKA_SSL=false on a network that you trust`,
  },
  {
    kind: "login_expected",
    matches: found("login_expected"),
    says: (error, attempt) =>
      `${words.brokerOf(attempt)} asks for a login${words.listed(error)}: set KAFKA_AUTH_METHOD and what it needs`,
  },
  {
    kind: "login_not_expected",
    matches: apiId(/^ILLEGAL_SASL_STATE$/),
    says: (_, attempt) =>
      `${words.brokerOf(attempt)} takes no login at this port: use the port of its SASL listener, or set KAFKA_AUTH_METHOD=none`,
  },
  {
    kind: "silent",
    matches: found("silent"),
    says: (_, attempt) =>
      `${words.brokerOf(attempt)} takes the connection and then says nothing: look whether Kafka hangs there, or whether a proxy in front has none behind it`,
    passing: true,
  },
  {
    kind: "not_kafka",
    matches: found("not_kafka"),
    says: (_, attempt) =>
      `what answers at ${words.brokerOf(attempt)} is not Kafka: correct the address in KAFKA_BROKERS`,
  },
  {
    kind: "advertised_address",
    matches: found("advertised_address"),
    says: (error, attempt) =>
      `${words.brokerOf(attempt)} answers, but names its brokers as ${words.namesOf(error).join(", ")}, where nothing can be reached from here: correct advertised.listeners on the brokers, or this machine's network`,
  },
  {
    kind: "advertised_by_address",
    matches: found("advertised_by_address"),
    says: (error, attempt) =>
      `${words.brokerOf(attempt)} answers, but names its brokers by address${words.listed(error)}: write these addresses in KAFKA_BROKERS, or names in the brokers' advertised.listeners`,
  },
  {
    kind: "name_unknown",
    matches: code(/^(ENOTFOUND|EAI_\w+|ENODATA|EBADNAME|ESERVFAIL)$/),
    says: (error, attempt) =>
      `the name ${words.hostIn(error, attempt)} has no address: check KAFKA_BROKERS and this machine's DNS; a cluster made anew has new names`,
  },
  {
    kind: "nothing_listens",
    matches: any(code(/^ECONNREFUSED$/), says(/ECONNREFUSED|^Failed to connect$/)),
    says: (_, attempt) =>
      `nothing listens at ${words.brokerOf(attempt)}: start Kafka there, or correct the address in KAFKA_BROKERS`,
    passing: true,
  },
  {
    kind: "no_route",
    matches: code(/^(EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ENETDOWN|EADDRNOTAVAIL)$/),
    says: (_, attempt) =>
      `no network leads to ${words.brokerOf(attempt)}: check this machine's network, VPN and routes`,
    passing: true,
  },
  {
    kind: "no_answer",
    matches: any(code(/^(ETIMEDOUT|PLT_KFK_TIMEOUT)$/), says(/timed out/i)),
    says: (_, attempt) =>
      `${words.brokerOf(attempt)} gives no answer: a firewall or security group may block this machine, or the name may still lead to an address of before ("npm run doctor" tells)`,
    passing: true,
  },
  {
    kind: "connection_lost",
    matches: any(
      code(/^(ECONNRESET|EPIPE|ECONNABORTED)$/),
      says(/^Connection (closed|error)|^Connection to .* failed/),
    ),
    says: (_, attempt) =>
      `the connection to ${words.brokerOf(attempt)} was closed by the other side: "npm run kafka:wait" tells at which step`,
    passing: true,
  },
];

/** The kind and the sentence of an error that the client, the system or the probe threw. */
export function problemOf(error: unknown, attempt: Attempt): Problem {
  const all = [...causes(error)];
  for (const { kind, matches, says, passing } of ROWS) {
    const found = all.find(matches);
    const broker = attempt.broker ?? words.brokerIn(all);
    if (found) return { kind, sentence: says(found, { ...attempt, broker }, all), needsPerson: !passing };
  }
  return { kind: "other", sentence: words.innermost(all) ?? words.oneLine(String(error)), needsPerson: false };
}
