/**
 * A process that writes numbered records and reads them back until it is told to stop, whatever happens to the broker:
 * for tests of what a runtime warns of meanwhile. Runs on Bun and, bundled, on Node.
 */
import { createKafkaLog } from "../../src/adapters/kafka/log.ts";
import { loadConfig } from "../../src/config.ts";
import { silentLogger } from "../../src/engine/logger.ts";
import { sleep } from "../../src/engine/sleep.ts";

const warnings: string[] = [];
process.on("warning", (warning) => void warnings.push(`${warning.name}: ${warning.message}`));

const log = createKafkaLog(loadConfig(process.env, "/").kafka, silentLogger);
/** Told to stop: what was written is still read. */
const enough = new AbortController();
const stop = new AbortController();
process.on("SIGTERM", () => enough.abort());
const topic = `flow-${crypto.randomUUID()}`;
await log.createTopics([{ name: topic, partitions: 3, replication: 1, config: {}, purpose: "" }]);

const written: string[] = [];
const read = new Set<string>();
let failures = 0;

async function write(): Promise<void> {
  while (!enough.signal.aborted) {
    const value = String(written.length);
    try {
      await log.append(topic, [{ key: value, value, headers: {} }]);
      written.push(value);
    } catch {
      failures += 1;
      if (failures === 1) console.log("interrupted");
    }
    await sleep(20, enough.signal).catch(() => {});
  }
}

async function readAll(): Promise<void> {
  const startAt = async () => new Map<string, number>();
  for await (const batch of log.subscribe({
    group: topic,
    topics: [topic],
    maxBatch: 100,
    signal: stop.signal,
    startAt,
  })) {
    for (const { value } of batch.records) read.add(Buffer.from(value ?? []).toString());
    console.log(`${failures === 0 ? "flowing" : "flowing again"} ${read.size}`);
  }
}

const unread = () => written.filter((value) => !read.has(value)).length;
const reading = readAll();
await write();
for (const deadline = performance.now() + 10_000; unread() > 0 && performance.now() < deadline; )
  await sleep(20, stop.signal);
stop.abort();
await reading;
await log.close();
console.log(`ended ${JSON.stringify({ written: written.length, unread: unread(), failures, warnings })}`);
process.exit();
