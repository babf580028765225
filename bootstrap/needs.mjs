import { readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Whether the command starts a Kafka of its own: only then are its jars worth waiting for. `required`: without one it
 * cannot run; otherwise the log in Postgres does where no Kafka can.
 */
export function localKafkaFor(root, command, env = process.env) {
  if (["test", "test:adoption", "test:security", "test:problems", "test:processes"].includes(command)) {
    return { wanted: !env.TEST_KAFKA_BROKERS, required: true };
  }
  // These stop and start the servers, so nobody else's will do.
  if (["test:quiet", "test:faults", "test:soak"].includes(command)) return { wanted: true, required: true };
  const setting = (name) => env[name] || dotEnv(root, name);
  const transport = setting("STREAM_TRANSPORT");
  const startsServers = ["start", "stack", "demo"].includes(command);
  return {
    wanted: startsServers && transport !== "embedded" && !setting("KAFKA_BROKERS"),
    required: transport === "kafka",
  };
}

/** What `.env` sets it to, without quotes; undefined where it does not. */
function dotEnv(root, name) {
  try {
    const line = new RegExp(`^\\s*(?:export\\s+)?${name}\\s*=\\s*["']?([^\\s#"']+)`, "m");
    return line.exec(readFileSync(join(root, ".env"), "utf8"))?.[1];
  } catch {
    return undefined;
  }
}
