/**
 * A real Kafka with every kind of listener, for tests of how we connect: certificates of a CA made for it, SCRAM users,
 * access rights, one or more brokers. On loopback, in a folder of its own; disposing it leaves no process and no file.
 */

import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type GuardedChild, spawnGuarded } from "../../src/stack/child.ts";
import { answersMetadata } from "../../src/stack/kafka-probe.ts";
import { reasonOfEnd, untilReady } from "../../src/stack/startup.ts";
import { skippedFor } from "./required.ts";
import { type Certificate, createAuthority, hasOpenssl } from "./secured-kafka/certificates.ts";
import {
  type BrokerSettings,
  LISTENERS,
  type Listener,
  type Ports,
  properties,
  USERS,
  type User,
} from "./secured-kafka/settings.ts";

export { type Listener, ownAddress, REAUTH_MS, type User } from "./secured-kafka/settings.ts";

/** The ways to connect that work; each is a configuration (`env`). */
export type Way = "none" | "tls" | "named" | "mtls" | "plain" | "scram-sha-256" | "scram-sha-512" | "aws-iam";

export interface SecuredKafka extends AsyncDisposable {
  /** Addresses of all brokers at this listener, as KAFKA_BROKERS takes them. */
  brokers(listener: Listener): string;
  /** The configuration to connect one way, as the environment of a command or `createTestApp`. `user`: `owner` unless told. */
  env(way: Way, user?: User): Record<string, string>;
  readonly caFile: string;
  /** A CA that signed nothing here. */
  readonly otherCaFile: string;
  /** Client certificates, by the user they name. */
  readonly clients: Readonly<Record<"owner" | "stranger", Certificate>>;
  /** A client certificate of that other CA. */
  readonly strangeClient: Certificate;
  readonly passwords: Readonly<Record<User, string>>;
  /** The key pair whose tokens the `iam` listener accepts. */
  readonly aws: { readonly accessKey: string; readonly secretKey: string };
  /** False: no Java compiler is here, and with it no `iam` listener and no tokens at `reauth`. */
  readonly hasIam: boolean;
  /** Kills a broker (`kill -9`), or stops it as an operator does. Numbered from 1; the first is the controller too. */
  stopBroker(id: number, how?: "kill" | "stop"): Promise<void>;
  /** Starts it again on the same ports and data. */
  startBroker(id: number): Promise<void>;
}

/** Why there is none on this machine; null: it can be started. */
export function noSecuredKafka(): string | null {
  const missing = hasOpenssl() ? null : "openssl is not here to make certificates";
  return skippedFor(missing) ? missing : null;
}

let shared: Promise<SecuredKafka> | undefined;

/** The one of this process: one broker, started for whoever asks first and stopped after the last test file. */
export function securedKafka(): Promise<SecuredKafka> {
  shared ??= startSecuredKafka();
  return shared;
}

export async function stopSecuredKafka(): Promise<void> {
  await (await shared)?.[Symbol.asyncDispose]();
}

const JARS = fileURLToPath(new URL("../../.setup/kafka", import.meta.url));
const LOG_CONFIG = fileURLToPath(new URL("../../src/stack/kafka/log4j2.properties", import.meta.url));
const VALIDATOR = fileURLToPath(new URL("./secured-kafka/IamTokenValidator.java", import.meta.url));
const JVM_FLAGS = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData"];
const READY_MS = 60_000;
const STOP_MS = 10_000;
/** A port chosen free may be taken by somebody else before the broker listens. */
const TRIES = 3;

export async function startSecuredKafka({ brokers = 1 }: { brokers?: number } = {}): Promise<SecuredKafka> {
  for (let attempt = 1; ; attempt++) {
    const folder = mkdtempSync(join(tmpdir(), "stream-secured-kafka-"));
    try {
      return await start(folder, brokers);
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      if (attempt === TRIES || !/port was taken/.test(String(error))) throw error;
    }
  }
}

async function start(folder: string, count: number): Promise<SecuredKafka> {
  const ids = Array.from({ length: count }, (_, index) => index + 1);
  const authority = createAuthority(folder);
  const loopback = "DNS:localhost,IP:127.0.0.1";
  const secret = () => randomBytes(12).toString("hex");
  const passwords = Object.fromEntries(USERS.map((user) => [user, secret()])) as Record<User, string>;
  const aws = { accessKey: "AKIDSTREAMAGENTSTEST", secretKey: secret() };
  const hasIam = compileValidator(folder);
  const ports = await choosePorts(count);
  const common = {
    brokers: count,
    controllerPort: portsOf(ports, 1).controller,
    caFile: authority.caFile,
    server: authority.issue("server", { commonName: "broker", names: loopback }),
    expired: authority.issue("expired", { commonName: "broker", names: loopback, days: 0 }),
    misnamed: authority.issue("misnamed", { commonName: "broker", names: "DNS:kafka.example.net" }),
    passwords,
    aws,
    iam: hasIam,
  };
  const cluster = new Cluster(
    folder,
    ids.map((id) => ({ ...common, id, data: join(folder, `data-${id}`), ports: portsOf(ports, id) })),
  );
  await cluster.format();
  try {
    await Promise.all(ids.map((id) => cluster.start(id)));
  } catch (error) {
    await cluster.stop();
    throw error;
  }
  const brokersOf = (listener: Listener) => ports.map((each) => `127.0.0.1:${each[listener]}`).join(",");
  const clients = {
    owner: authority.issue("client-owner", { commonName: "owner" }),
    stranger: authority.issue("client-stranger", { commonName: "stranger" }),
  };
  mkdirSync(join(folder, "other"));
  const otherAuthority = createAuthority(join(folder, "other"), "another CA");
  return {
    brokers: brokersOf,
    caFile: authority.caFile,
    otherCaFile: otherAuthority.caFile,
    strangeClient: otherAuthority.issue("client", { commonName: "owner" }),
    clients,
    passwords,
    aws,
    hasIam,
    env(way, user = "owner") {
      const login = { KAFKA_SASL_USERNAME: user, KAFKA_SASL_PASSWORD: passwords[user] };
      const tls = { KAFKA_SSL: "true", KAFKA_SSL_CA_FILE: authority.caFile };
      const at = (listener: Listener) => ({ KAFKA_BROKERS: brokersOf(listener) });
      if (way === "none") return at("plaintext");
      if (way === "tls") return { ...at("tls"), ...tls };
      if (way === "named") return { ...tls, KAFKA_BROKERS: brokersOf("named").replaceAll("127.0.0.1", "localhost") };
      if (way === "mtls") {
        const { certFile, keyFile } = clients[user === "owner" ? "owner" : "stranger"];
        return { ...at("mtls"), ...tls, KAFKA_SSL_CERT_FILE: certFile, KAFKA_SSL_KEY_FILE: keyFile };
      }
      if (way === "aws-iam") {
        const keys = { AWS_ACCESS_KEY_ID: aws.accessKey, AWS_SECRET_ACCESS_KEY: aws.secretKey };
        const method = { KAFKA_AUTH_METHOD: way, AWS_REGION: "eu-central-1", AWS_EC2_METADATA_DISABLED: "true" };
        return { ...at("iam"), KAFKA_SSL_CA_FILE: authority.caFile, ...method, ...keys };
      }
      return { ...at("sasl_tls"), ...tls, KAFKA_AUTH_METHOD: way, ...login };
    },
    stopBroker: (id, how = "stop") => cluster.stopOne(id, how),
    startBroker: (id) => cluster.start(id),
    async [Symbol.asyncDispose]() {
      await cluster.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The brokers as processes. */
class Cluster {
  #folder: string;
  #settings: readonly BrokerSettings[];
  #running = new Map<number, GuardedChild>();

  constructor(folder: string, settings: readonly BrokerSettings[]) {
    this.#folder = folder;
    this.#settings = settings;
  }

  /** One cluster id for all; the SCRAM users are made here. */
  async format(): Promise<void> {
    const id = randomBytes(16);
    id.writeUInt8(id.readUInt8() & 0x7f); // Else it may begin with a dash, which looks like a flag.
    for (const broker of this.#settings) {
      const config = this.#configFile(broker.id);
      mkdirSync(join(this.#folder, `logs-${broker.id}`));
      writeFileSync(config, properties(broker), { mode: 0o600 });
      const users = USERS.flatMap((user) =>
        ["SCRAM-SHA-256", "SCRAM-SHA-512"].flatMap((mechanism) => [
          "--add-scram",
          `${mechanism}=[name=${user},password=${broker.passwords[user]}]`,
        ]),
      );
      const format = ["format", "-t", id.toString("base64url"), "-c", config, ...users];
      const tool = this.#java(broker.id, ["kafka.tools.StorageTool", ...format]);
      const code = await tool.exited;
      if (code !== 0) throw reasonOfEnd("Kafka (format)", code, tool.said(), "its console");
    }
  }

  async start(id: number): Promise<void> {
    const settings = this.#settings[id - 1];
    if (!settings) throw new Error(`there is no broker ${id}`);
    const child = this.#java(id, ["kafka.Kafka", this.#configFile(id)]);
    this.#running.set(id, child);
    await untilReady(child, {
      name: "Kafka",
      logFile: join(this.#folder, `logs-${id}`),
      deadlineMs: READY_MS,
      signal: new AbortController().signal,
      probe: () => answersMetadata(settings.ports.plaintext),
    });
  }

  async stopOne(id: number, how: "kill" | "stop"): Promise<void> {
    const child = this.#running.get(id);
    this.#running.delete(id);
    if (!child) return;
    if (how === "stop") return child.stop(STOP_MS);
    process.kill(child.pid, "SIGKILL");
    await child.exited;
  }

  /** Its data goes with it, so nothing needs to be finished. */
  async stop(): Promise<void> {
    await Promise.all([...this.#running.keys()].map((id) => this.stopOne(id, "kill")));
  }

  #configFile(id: number): string {
    return join(this.#folder, `broker-${id}.properties`);
  }

  #java(id: number, args: readonly string[]): GuardedChild {
    const { JAVA_HOME } = process.env;
    const logs = join(this.#folder, `logs-${id}`);
    const own = [`-Dstack.logs=${logs}`, `-Dlog4j2.configurationFile=${LOG_CONFIG}`];
    return spawnGuarded({
      command: JAVA_HOME ? join(JAVA_HOME, "bin", "java") : "java",
      args: [...JVM_FLAGS, ...own, "-cp", `${join(JARS, "*")}:${this.#folder}`, ...args],
      logFile: join(logs, "console.log"),
      stopSignal: "SIGTERM",
    });
  }
}

/** Puts the stand-in for MSK's side of an IAM login on the class path; false where there is no Java compiler. */
function compileValidator(folder: string): boolean {
  const { JAVA_HOME } = process.env;
  const javac = JAVA_HOME ? join(JAVA_HOME, "bin", "javac") : "javac";
  try {
    execFileSync(javac, ["-version"], { stdio: "ignore" });
  } catch {
    return false;
  }
  execFileSync(javac, ["-cp", join(JARS, "*"), "-d", folder, VALIDATOR], { stdio: "pipe" });
  return true;
}

/** Free ports for every listener of every broker, held together so that no two are the same. */
async function choosePorts(brokers: number): Promise<Ports[]> {
  const names = [...Object.keys(LISTENERS), "controller"];
  const held = await Promise.all(Array.from({ length: brokers * names.length }, hold));
  const free = held.map((server) => (server.address() as { port: number }).port);
  await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))));
  return Array.from(
    { length: brokers },
    (_, broker) =>
      Object.fromEntries(names.map((name, index) => [name, free[broker * names.length + index]])) as unknown as Ports,
  );
}

function hold(): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => resolve(server));
  });
}

function portsOf(ports: readonly Ports[], id: number): Ports {
  const found = ports[id - 1];
  if (!found) throw new Error(`there is no broker ${id}`);
  return found;
}
