// The way in for every package script: brings the set-up up to date, then runs the command in Bun.
import { fileURLToPath } from "node:url";
import { kafkaIsCurrent, packagesAreCurrent } from "./current.mjs";
import { localKafkaFor } from "./needs.mjs";
import { runBun } from "./run-bun.mjs";

const OLDEST_NODE = 20;
const TESTS = {
  test: ["test/run.ts"],
  "test:sim": ["test/simulation/run.ts"],
  "test:infra": ["test/infra/run.ts"],
  "test:adoption": ["test/adoption/run.ts"],
  "test:faults": ["test/faults/run.ts"],
  "test:soak": ["test/soak/run.ts"],
  "test:quiet": ["test/quiet/run.ts"],
  "test:security": ["test/slow.ts", "security"],
  "test:problems": ["test/slow.ts", "problems"],
  "test:processes": ["test/slow.ts", "processes"],
};
const root = fileURLToPath(new URL("..", import.meta.url));
const [command, ...args] = process.argv.slice(2);

try {
  if (Number.parseInt(process.versions.node, 10) < OLDEST_NODE)
    throw Object.assign(new Error(`Node ${process.versions.node} is too old: install Node ${OLDEST_NODE} or newer.`), {
      told: true,
    });
  const packages = !packagesAreCurrent(root);
  const { wanted, required } = localKafkaFor(root, command);
  const kafka = wanted && !kafkaIsCurrent(root);
  if (packages || kafka) await (await import("./setup.mjs")).setUp(root, { packages, kafka, required });
  process.exitCode = await runBun(
    root,
    Object.hasOwn(TESTS, command)
      ? ["--no-env-file", ...TESTS[command], ...args]
      : ["src/cli/main.ts", ...(command ? [command] : []), ...args],
  );
} catch (error) {
  console.error(error.told ? error.message : `Set-up failed: ${error.message}`);
  process.exitCode = 1;
}
