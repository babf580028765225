import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { Connection, metadataV12, ResponseError, saslHandshakeV1 } from "@platformatic/kafka";
import type { KafkaConfig } from "../../config.ts";
import { within } from "../../engine/patience.ts";
import { causes } from "./causes.ts";
import { ClearLoginError, isThisMachine } from "./clear-login.ts";
import { BOUNDED, clientOptions, mechanismOf, splitAddress, tokensFor } from "./client-options.ts";
import { connectOnce, greet, type Place } from "./greeting.ts";
import { Finding } from "./problems.ts";

const STEP_TIMEOUT_MS = 5_000;

export type StepName = "resolve" | "connect" | "greet" | "credentials" | "log in" | "topic";

/** What earlier steps found out for later ones. */
export interface Found {
  /** As it is named in sentences: with its address, once that is known. */
  broker: string;
  connection?: Connection;
}

type Step = readonly [step: StepName, name: string, run: (found: Found) => Promise<string>];

/** The way to one broker, in order. Each step ends within seconds and throws what problems.ts has a sentence for. */
export function stepsOf(config: KafkaConfig, broker: string, topic: string): Step[] {
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

async function expectNoLogin(connection: Connection): Promise<void> {
  const methods = await loginMethods(connection);
  if (methods) throw new Finding("login_expected", methods);
}

/** A port that wants a login closes the connection at the first request; asked for its methods, it names them. */
async function loginMethods(connection: Connection): Promise<readonly string[] | null> {
  try {
    return (await saslHandshakeV1.api.async(connection, "PLAIN")).mechanisms ?? [];
  } catch (error) {
    const answer = [...causes(error)].find(({ apiId }) => apiId !== undefined)?.apiId;
    if (answer === "ILLEGAL_SASL_STATE") return null;
    if (answer !== "UNSUPPORTED_SASL_MECHANISM") throw error;
    return (error as ResponseError & { response: { mechanisms: string[] } }).response.mechanisms;
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

/** Asked before a client goes there: it would refuse to log in. */
async function expectThisMachine(brokers: readonly Place[]): Promise<void> {
  for (const { host, port } of brokers) {
    const found = await within(STEP_TIMEOUT_MS, lookup(host), () => null).catch(() => null);
    if (found && !isThisMachine(found.address)) throw new ClearLoginError(`${host}:${port}`);
  }
}

/** Clients go on at the addresses that the cluster names, not at those that we were given. */
async function checkAdvertised(config: KafkaConfig, brokers: readonly Place[]): Promise<void> {
  const names = brokers.map(({ host, port }) => `${host}:${port}`);
  // The client sends the name it connects to with TLS, and sends an address as one too, which TLS forbids.
  const sendsNames = "tlsServerName" in clientOptions(config);
  if (sendsNames && brokers.some(({ host }) => isIP(host))) throw new Finding("advertised_by_address", names);
  if (config.auth !== "none" && !config.ssl) await expectThisMachine(brokers);
  try {
    await Promise.any(brokers.map((broker) => connectOnce(broker, STEP_TIMEOUT_MS)));
  } catch {
    throw new Finding("advertised_address", names);
  }
}
