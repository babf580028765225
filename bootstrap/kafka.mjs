import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { kafkaSource } from "./current.mjs";
import { noNetwork, run, step, told, usable } from "./step.mjs";

const OLDEST_JAVA = 17;

/**
 * Fetches the jars of the local Kafka where Java and Maven are there; Docker does without. With neither, a Kafka that is
 * not `required` gives way to the log in Postgres, which `tell` says. False: nothing was fetched.
 */
export async function installKafka(root, { required, tell }) {
  const missing = await missingTools();
  if (missing.length === 0) return fetchJars(root);
  if ((await run("docker", ["info"])).code === 0) return false;
  const lacks = `(missing: ${missing.join(", ")}) or a running Docker`;
  if (required) {
    throw told(
      `A local Kafka needs Java ${OLDEST_JAVA} or newer and Maven ${lacks}: ` +
        "install them, or set KAFKA_BROKERS to a cluster of yours.",
    );
  }
  if (tell) console.error(`The log will be in Postgres: a Kafka needs Java ${OLDEST_JAVA} or newer and Maven ${lacks}`);
  return false;
}

async function missingTools() {
  const { JAVA_HOME } = process.env;
  const [java, maven] = await Promise.all([
    run(JAVA_HOME ? join(JAVA_HOME, "bin", "java") : "java", ["-version"]),
    run("mvn", ["--version"]),
  ]);
  const version = Number(/version "(\d+)/.exec(java.output)?.[1] ?? 0);
  return [
    ...(java.code === 0 && version >= OLDEST_JAVA ? [] : [version ? `Java ${OLDEST_JAVA}, found ${version}` : "Java"]),
    ...(maven.code === 0 ? [] : ["Maven"]),
  ];
}

async function fetchJars(root) {
  const source = kafkaSource(root);
  const setup = join(root, ".setup");
  for (const name of readdirSync(setup)) {
    if (name.startsWith("kafka.")) rmSync(join(setup, name), { recursive: true, force: true });
  }
  const fresh = join(setup, "kafka.new");
  const repository = join(setup, "kafka.repository");
  mkdirSync(fresh);
  console.error("Fetching the Kafka jars of src/stack/kafka/pom.xml");
  const goal = ["org.apache.maven.plugins:maven-dependency-plugin:copy-dependencies", `-DoutputDirectory=${fresh}`];
  const place = usable(() => join(userInfo().homedir, ".m2")) ? [] : [`-Dmaven.repo.local=${repository}`];
  await step(
    "Kafka jars",
    "mvn",
    ["-q", "-B", "-f", join(root, "src", "stack", "kafka", "pom.xml"), ...goal, ...place],
    {
      problem: (output) =>
        noNetwork(output)
          ? "The Kafka jars could not be fetched: the Maven repository was not reached. Check the network and try again, or set STREAM_TRANSPORT=embedded to run without Kafka."
          : "The Kafka jars could not be fetched: Maven failed as shown above.",
    },
  );
  writeFileSync(join(fresh, ".set-up-from"), source);
  const folder = join(setup, "kafka");
  if (existsSync(folder)) renameSync(folder, join(setup, "kafka.old"));
  renameSync(fresh, folder);
  for (const rest of [join(setup, "kafka.old"), repository]) rmSync(rest, { recursive: true, force: true });
}
