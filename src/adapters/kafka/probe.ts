import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { Connection, metadataV12, ResponseError, saslHandshakeV1 } from "@platformatic/kafka";
import type { KafkaConfig } from "../../config.ts";
import { UserError } from "../../engine/errors.ts";
import { within } from "../../engine/patience.ts";
import { causes } from "./causes.ts";
import { BOUNDED, clientOptions, mechanismOf, splitAddress, tokensFor } from "./client-options.ts";
import { connectOnce, greet, type Place } from "./greeting.ts";
import { Finding, type Problem, problemOf } from "./problems.ts";

/** One step on the way to a usable cluster. */
export interface ProbeStep {
  readonly step: "resolve" | "connect" | "greet" | "credentials" | "log in" | "topic";
  /** As it is printed. */
  readonly name: string;
  /** HOST:PORT as configured. */
  readonly broker: string;
  /** Null: it worked. */
  readonly problem: Problem | null;
  /** What was found out, or the problem's sentence. */
  readonly detail: string;
  readonly ms: number;
}

const STEP_TIMEOUT_MS = 5_000;

/**
 * Tries once to use the cluster through one broker after the other, step by step; ends with the first broker that can
 * be used, or after the last. The last step asks for a *named* topic: without rights a list of topics is simply empty.
 */
export async function* probeKafka(config: KafkaConfig, topicName: string): AsyncGenerator<ProbeStep> {
  for (const broker of config.brokers) {
    let last: ProbeStep | undefined;
    for await (const step of probeBroker(config, broker, topicName)) {
      last = step;
      yield step;
    }
    if (last?.problem === null) return;
  }
}

/** The problem that keeps us from using the cluster: of the broker where we came furthest. Null: it can be used. */
export async function findProblem(config: KafkaConfig, topicName: string): Promise<Problem | null> {
  let furthest: { readonly problem: Problem; readonly steps: number } | null = null;
  let steps = 0;
  for await (const { problem } of probeKafka(config, topicName)) {
    steps += 1;
    if (problem && steps > (furthest?.steps ?? 0)) furthest = { problem, steps };
    if (problem) steps = 0;
  }
  return steps > 0 ? null : (furthest?.problem ?? null);
}

/** The same for one broker; ends with the first step that fails. */
export async function* probeBroker(config: KafkaConfig, broker: string, topicName: string): AsyncGenerator<ProbeStep> {
  const topic = config.topicPrefix + topicName;
  const found: Found = { broker };
  try {
    for (const [step, name, run] of stepsOf(config, broker, topic)) {
      const startedAt = performance.now();
      const took = () => Math.round(performance.now() - startedAt);
      try {
        const detail = await run(found);
        yield { step, name, broker, problem: null, detail, ms: took() };
      } catch (error) {
        // A file of ours that cannot be read: nothing was asked of the broker yet.
        if (error instanceof UserError) throw error;
        const problem = problemOf(error, { config, broker: found.broker, topics: [topic] });
        yield { step, name, broker, problem, detail: problem.sentence, ms: took() };
        return;
      }
    }
  } finally {
    await found.connection?.close().catch(() => {});
  }
}

/** What earlier steps found out for later ones. */
interface Found {
  /** As it is named in sentences: with its address, once that is known. */
  broker: string;
  connection?: Connection;
}

type Step = readonly [step: ProbeStep["step"], name: string, run: (found: Found) => Promise<string>];

function stepsOf(config: KafkaConfig, broker: string, topic: string): Step[] {
  const place = splitAddress(broker);
  const credentials: Step = [
    "credentials",
    "AWS credentials",
    () => tokensFor(config.region ?? "")().then(() => "found"),
  ];
  return [
    ["resolve", `resolve ${place.host}`, (found) => resolve(place, found)],
    ["connect", `connect ${broker}`, () => connectOnce(place, STEP_TIMEOUT_MS).then(() => "open")],
    ["greet", config.ssl ? "TLS" : "Kafka in the clear", () => greet(config, place, STEP_TIMEOUT_MS).then(() => "yes")],
    ...(config.auth === "aws-iam" ? [credentials] : []),
    ["log in", `log in (${describeLogin(config)})`, (found) => logIn(config, place, found)],
    ["topic", `see the topic ${topic}`, (found) => askForTopic(config, found, topic)],
  ];
}

async function resolve({ host }: Place, found: Found): Promise<string> {
  const address = await within(STEP_TIMEOUT_MS, lookup(host), () => null);
  if (!address) throw Object.assign(new Error("DNS gives no answer"), { code: "EAI_AGAIN" });
  if (address.address !== host) found.broker += ` (${address.address})`;
  return address.address;
}

function describeLogin(config: KafkaConfig): string {
  if (config.auth === "none") return config.sslCertFile ? "client certificate" : "none";
  return config.auth === "aws-iam" ? "AWS IAM" : `${config.username}, ${mechanismOf(config)}`;
}

/** Opens a connection with the configured login, made by the client itself. */
async function logIn(config: KafkaConfig, { host, port }: Place, found: Found): Promise<string> {
  found.connection = new Connection(config.clientId, clientOptions(config, BOUNDED));
  found.connection.on("error", () => {}); // Thrown below.
  await found.connection.connect(host, port);
  if (config.auth === "none") await expectNoLogin(found.connection);
  return "accepted";
}

/** A port that wants a login closes the connection at the first request; asked for its methods, it names them. */
async function expectNoLogin(connection: Connection): Promise<void> {
  try {
    const { mechanisms = [] } = await saslHandshakeV1.api.async(connection, "PLAIN");
    throw new Finding("login_expected", mechanisms);
  } catch (error) {
    const refused = [...causes(error)].find(({ apiId }) => apiId !== undefined);
    if (refused?.apiId === "ILLEGAL_SASL_STATE") return;
    if (refused?.apiId !== "UNSUPPORTED_SASL_MECHANISM") throw error;
    const { mechanisms } = (error as ResponseError & { response: { mechanisms: string[] } }).response;
    throw new Finding("login_expected", mechanisms);
  }
}

type Metadata = Awaited<ReturnType<typeof metadataV12.api.async>>;

/** The cluster's id, and whether the topic is there. Refused: an error. */
async function askForTopic(config: KafkaConfig, { connection }: Found, topic: string): Promise<string> {
  const { clusterId, brokers, missing } = await metadataOf(connection as Connection, topic);
  await checkAdvertised(config, brokers);
  return `cluster ${clusterId}${missing ? ", the topic does not exist yet" : ""}`;
}

async function metadataOf(connection: Connection, topic: string): Promise<Metadata & { missing: boolean }> {
  try {
    return { ...(await metadataV12.api.async(connection, [topic], false, false)), missing: false };
  } catch (error) {
    // The cluster answered: that the topic is missing is for kafka:init to mend.
    const isMissing = [...causes(error)].some(({ apiId }) => apiId === "UNKNOWN_TOPIC_OR_PARTITION");
    if (!isMissing || !(error instanceof ResponseError)) throw error;
    return { ...(error as ResponseError & { response: Metadata }).response, missing: true };
  }
}

/** Clients go on at the addresses that the cluster names, not at those that we were given. */
async function checkAdvertised(config: KafkaConfig, brokers: readonly Place[]): Promise<void> {
  const names = brokers.map(({ host, port }) => `${host}:${port}`);
  // The client sends the name it connects to with TLS, and sends an address as one too, which TLS forbids.
  const sendsNames = "tlsServerName" in clientOptions(config);
  if (sendsNames && brokers.some(({ host }) => isIP(host))) throw new Finding("advertised_by_address", names);
  try {
    await Promise.any(brokers.map((broker) => connectOnce(broker, STEP_TIMEOUT_MS)));
  } catch {
    throw new Finding("advertised_address", names);
  }
}
