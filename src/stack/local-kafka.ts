import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { hasKafkaJars } from "./kafka.ts";

const OLDEST_JAVA = 17;
const LOOK_MS = 20_000;
const NEEDS = `for Kafka install Java ${OLDEST_JAVA} and Maven, or Docker`;

/** Whether a Kafka can run on this machine, and by what. */
export interface LocalKafka {
  readonly runs: "java" | "docker" | null;
  /** In a few words, for a person; what to install where none can run. */
  readonly why: string;
}

let found: LocalKafka | undefined;

/** Looks once; the set-up has fetched Kafka's jars by now if it could. */
export function findLocalKafka(): LocalKafka {
  found ??= look();
  return found;
}

function look(): LocalKafka {
  const java = runsJava();
  if (java && hasKafkaJars()) return { runs: "java", why: "Java runs it here" };
  if (spawnSync("docker", ["info"], { stdio: "ignore", timeout: LOOK_MS }).status === 0)
    return { runs: "docker", why: "Docker runs it here" };
  const missing = java ? "no Maven has fetched Kafka" : `no Java ${OLDEST_JAVA}`;
  return { runs: null, why: `${missing} and no Docker here; ${NEEDS}` };
}

function runsJava(): boolean {
  const { JAVA_HOME } = process.env;
  const command = JAVA_HOME ? join(JAVA_HOME, "bin", "java") : "java";
  const { status, stderr } = spawnSync(command, ["-version"], { encoding: "utf8", timeout: LOOK_MS });
  return status === 0 && Number(/version "(\d+)/.exec(stderr)?.[1] ?? 0) >= OLDEST_JAVA;
}
