import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type GuardedChild, spawnGuarded } from "./child.ts";
import { StackError } from "./errors.ts";
import { buildingPlace, publishFolder, writeWhole } from "./files.ts";
import { answersMetadata } from "./kafka-probe.ts";
import { lastPort, recordServer, stopOrphan } from "./orphans.ts";
import { choosePort } from "./ports.ts";
import { onPort, reasonOfEnd, runningServer, untilReady } from "./startup.ts";
import type { RunningServer, ServerOptions } from "./types.ts";

const NAME = "Kafka";
/** Where the set-up puts the jars that kafka/pom.xml names. */
const JARS = fileURLToPath(new URL("../../.setup/kafka", import.meta.url));
const LOG_CONFIG = fileURLToPath(new URL("./kafka/log4j2.properties", import.meta.url));
/** Long enough for the recovery after a power cut. */
const READY_MS = 120_000;
const STOP_MS = 10_000;
const JVM_FLAGS = ["-Xmx320m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData"];

/** Whether the set-up fetched a Kafka for the Java of this machine. */
export function hasKafkaJars(): boolean {
  return existsSync(JARS);
}

/** Starts the Kafka of this STREAM_HOME, one JVM as broker and controller, formatting its data folder the first time. */
export async function startKafka(options: ServerOptions): Promise<RunningServer> {
  const { home, log } = options;
  if (home.includes(",")) throw new StackError(`STREAM_HOME ${home} has a comma in its path, which Kafka cannot use.`);
  await stopOrphan(home, NAME, "SIGTERM", log);
  if (!existsSync(dataFolder(home))) await makeData(home);
  return onPort(options.port, "STREAM_KAFKA_PORT", lastPort(home, NAME), (port) => run(options, port));
}

async function makeData(home: string): Promise<void> {
  const place = buildingPlace(dataFolder(home));
  const config = join(place, "format.properties");
  const data = join(place, "data");
  mkdirSync(data);
  writeFileSync(config, properties(data, 1, 2));
  const id = randomBytes(16);
  id.writeUInt8(id.readUInt8() & 0x7f); // Else it may begin with a dash, which looks like a flag.
  const tool = java(home, ["kafka.tools.StorageTool", "format", "-t", id.toString("base64url"), "-c", config]);
  const code = await tool.exited;
  if (code !== 0) throw reasonOfEnd(`${NAME} (format)`, code, tool.said(), logFile(home));
  publishFolder(place, dataFolder(home));
}

async function run(options: ServerOptions, port: number): Promise<RunningServer> {
  const { home, signal } = options;
  const config = join(home, "run", "kafka.properties");
  writeWhole(config, properties(join(dataFolder(home), "data"), port, await choosePort(undefined, NAME)));
  const child = java(home, ["kafka.Kafka", config]);
  recordServer(home, NAME, { pid: child.pid, folder: config, port });
  const address = `127.0.0.1:${port}`;
  await untilReady(child, {
    name: NAME,
    logFile: logFile(home),
    deadlineMs: READY_MS,
    signal,
    probe: () => answersMetadata(port),
  });
  return runningServer(child, {
    name: NAME,
    logFile: logFile(home),
    stopMs: STOP_MS,
    address,
    description: `${NAME} on ${address}, data in ${dataFolder(home)}`,
  });
}

function java(home: string, args: readonly string[]): GuardedChild {
  const { JAVA_HOME } = process.env;
  const logs = join(home, "logs");
  const own = [
    `-Dstack.logs=${logs}`,
    `-Dlog4j2.configurationFile=${LOG_CONFIG}`,
    `-XX:ErrorFile=${logs}/kafka-crash.log`,
  ];
  return spawnGuarded({
    command: JAVA_HOME ? join(JAVA_HOME, "bin", "java") : "java",
    args: [...JVM_FLAGS, ...own, "-cp", join(JARS, "*"), ...args],
    logFile: logFile(home),
    stopSignal: "SIGTERM",
    env: { LC_ALL: "C.UTF-8" }, // Else Java cannot open a path with an umlaut in it.
  });
}

function dataFolder(home: string): string {
  return join(home, "kafka");
}

function logFile(home: string): string {
  return join(home, "logs", "kafka-console.log");
}

function properties(data: string, port: number, controllerPort: number): string {
  const settings = {
    "process.roles": "broker,controller",
    "node.id": 1,
    "controller.quorum.voters": `1@127.0.0.1:${controllerPort}`,
    "controller.listener.names": "CONTROLLER",
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    "advertised.listeners": `PLAINTEXT://127.0.0.1:${port}`,
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "log.dirs": data,
    "auto.create.topics.enable": false,
    "group.initial.rebalance.delay.ms": 0,
    "offsets.topic.replication.factor": 1,
    "offsets.topic.num.partitions": 4,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.num.partitions": 1,
    "transaction.state.log.min.isr": 1,
    "share.coordinator.state.topic.replication.factor": 1,
    "share.coordinator.state.topic.num.partitions": 1,
    "share.coordinator.state.topic.min.isr": 1,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${escaped(String(value))}\n`);
  return lines.join("");
}

/** Java reads these files as Latin-1 with backslash escapes. */
function escaped(value: string): string {
  return value.replace(/[^ -~]|\\/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
