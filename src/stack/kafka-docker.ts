import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { spawnGuarded } from "./child.ts";
import { StackError } from "./errors.ts";
import { answersMetadata } from "./kafka-probe.ts";
import { onPort, runningServer, untilReady } from "./startup.ts";
import type { RunningServer, ServerOptions } from "./types.ts";

const NAME = "Kafka (Docker)";
const IMAGE = "apache/kafka:4.3.0";
/** The first start fetches the image. */
const READY_MS = 600_000;
const STOP_MS = 15_000;

/** Starts Kafka as a container, for machines with Docker but without Java and Maven; its data is a volume. */
export async function startKafkaInDocker(options: ServerOptions): Promise<RunningServer> {
  const { home, log } = options;
  if (spawnSync("docker", ["info"], { stdio: "ignore", timeout: 20_000 }).status !== 0)
    throw new StackError(
      "A local Kafka needs Java 17 or newer and Maven, or a running Docker; or set KAFKA_BROKERS to a server of yours.",
    );
  removeKafkaContainer(home);
  log.info(`Kafka runs in Docker as ${IMAGE}; Docker fetches it the first time`);
  return onPort(options.port, "STREAM_KAFKA_PORT", undefined, (port) => run(options, port));
}

/** Removes the container of this STREAM_HOME, which a killed run may have left. */
export function removeKafkaContainer(home: string): void {
  spawnSync("docker", ["rm", "--force", containerName(home)], { stdio: "ignore", timeout: 30_000 });
}

/** Removes its data too. */
export function removeKafkaVolume(home: string): void {
  spawnSync("docker", ["volume", "rm", "--force", containerName(home)], { stdio: "ignore", timeout: 30_000 });
}

async function run({ home, signal }: ServerOptions, port: number): Promise<RunningServer> {
  const logFile = join(home, "logs", "kafka-docker.log");
  const name = containerName(home);
  // The docker command passes our SIGTERM on to the container, and the watchdog sends it when we are gone.
  const child = spawnGuarded({
    command: "docker",
    args: [
      ...["run", "--rm", "--name", name, "--label", `stream-agents.home=${home}`],
      ...["--publish", `127.0.0.1:${port}:${port}`, "--volume", `${name}:/var/lib/kafka/data`],
      ...environment(home, port).flatMap((setting) => ["--env", setting]),
      IMAGE,
    ],
    logFile,
    stopSignal: "SIGTERM",
  });
  const address = `127.0.0.1:${port}`;
  await untilReady(child, { name: NAME, logFile, deadlineMs: READY_MS, signal, probe: () => answersMetadata(port) });
  const description = `${NAME} on ${address}, data in the volume ${name}`;
  const server = runningServer(child, { name: NAME, logFile, stopMs: STOP_MS, address, description });
  return { ...server, stop: () => server.stop().then(() => removeKafkaContainer(home)) };
}

function containerName(home: string): string {
  return `stream-agents-${createHash("sha256").update(home).digest("hex").slice(0, 12)}`;
}

/** The image turns KAFKA_* variables into its server.properties and formats an empty volume with CLUSTER_ID. */
function environment(home: string, port: number): string[] {
  const clusterId = createHash("md5").update(containerName(home)).digest("base64url");
  return [
    `CLUSTER_ID=${clusterId}`,
    "KAFKA_NODE_ID=1",
    "KAFKA_PROCESS_ROLES=broker,controller",
    "KAFKA_CONTROLLER_QUORUM_VOTERS=1@127.0.0.1:29093",
    "KAFKA_CONTROLLER_LISTENER_NAMES=CONTROLLER",
    `KAFKA_LISTENERS=PLAINTEXT://:${port},CONTROLLER://127.0.0.1:29093`,
    `KAFKA_ADVERTISED_LISTENERS=PLAINTEXT://127.0.0.1:${port}`,
    "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "KAFKA_LOG_DIRS=/var/lib/kafka/data",
    "KAFKA_AUTO_CREATE_TOPICS_ENABLE=false",
    "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS=0",
    "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR=1",
    "KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS=4",
    "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR=1",
    "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR=1",
    "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR=1",
    "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR=1",
    "KAFKA_HEAP_OPTS=-Xmx320m",
  ];
}
