import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Whether the command starts a Kafka of its own: only then are its jars worth waiting for. */
export function needsLocalKafka(root, command, env = process.env) {
  if (command === "test") return !env.TEST_KAFKA_BROKERS;
  return ["start", "stack", "demo"].includes(command) && !env.KAFKA_BROKERS && !dotEnvNames(root, "KAFKA_BROKERS");
}

function dotEnvNames(root, name) {
  try {
    return new RegExp(`^\\s*(export\\s+)?${name}\\s*=\\s*[^\\s#]`, "m").test(readFileSync(join(root, ".env"), "utf8"));
  } catch {
    return false;
  }
}
