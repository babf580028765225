import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { kafkaIsCurrent, packagesAreCurrent } from "./current.mjs";
import { installKafka } from "./kafka.mjs";
import { takeLock } from "./lock.mjs";
import { installPackages } from "./packages.mjs";

const LOCK_POLL_MS = 200;

/** Brings what is asked for up to date; of several that try at once, one works and the others wait for it. */
export async function setUp(root, { packages, kafka, required }) {
  const folder = join(root, ".setup");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, ".gitignore"), "*\n");
  const release = await waitForLock(join(folder, "lock"));
  try {
    const started = performance.now();
    // Both wait mostly for the network, so they go at once; each failure is told after both have ended.
    const results = await Promise.allSettled([
      packages && !packagesAreCurrent(root) && installPackages(root),
      kafka && !kafkaIsCurrent(root) && installKafka(root, { required, tell: packages }),
    ]);
    const failed = results.find(({ status }) => status === "rejected");
    if (failed) throw failed.reason;
    if (results.some(({ value }) => value !== false))
      console.error(`Set up in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  } finally {
    release();
  }
}

async function waitForLock(path) {
  for (let told = false; ; told = true) {
    const lock = takeLock(path);
    if (!lock.holder) return lock.release;
    if (!told) console.error(`Another run (pid ${lock.holder.pid}) is setting up; waiting for it`);
    await sleep(LOCK_POLL_MS);
  }
}
