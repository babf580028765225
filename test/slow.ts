/**
 * `npm run test:security [-- NAME]`, and so `test:problems` and `test:processes`: what takes longer than `npm test` has time
 * for, the `*.slow.ts` of a folder, on one Postgres and one Kafka; only the files whose name holds NAME, where one is given.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { startTestServers } from "./support/servers.ts";

const { TEST_DATABASE_URL: databaseUrl, TEST_KAFKA_BROKERS: kafkaBrokers } = process.env;
const [folder = "", wanted = ""] = process.argv.slice(2);
const here = readdirSync(join(import.meta.dirname, folder));
const files = here.filter((file) => file.endsWith(".slow.ts") && file.includes(wanted));
if (files.length === 0) throw new Error(`no file here has "${wanted}" in its name`);

const servers = await startTestServers({ databaseUrl, kafkaBrokers }, new AbortController().signal);
const env = { ...process.env, TEST_DATABASE_URL: servers.databaseUrl, TEST_KAFKA_BROKERS: servers.kafkaBrokers };
try {
  const tests = files.map((file) => `./test/${folder}/${file}`);
  const child = spawn(process.execPath, ["test", "--no-env-file", "--timeout=20000", ...tests], {
    stdio: "inherit",
    env,
  });
  const [code] = await once(child, "exit");
  process.exitCode = code ?? 1;
} finally {
  await servers.stop();
}
process.exit();
