import type { Log } from "../../src/engine/log.ts";
import { logContract } from "../contract/log-contract.ts";
import type { LogUnderTest } from "../contract/log-under-test.ts";
import { startReader } from "../contract/reader.ts";
import { seededRandom } from "../support/random.ts";
import { MemoryCluster } from "./memory-log.ts";
import { breathe, Scheduler, SimProcess } from "./scheduler.ts";

/** Simulated time until the cluster answers again. */
const CUT_MS = 500;
/** Simulated time in which what a test waits for has to happen. */
const WITHIN_MS = 60_000;

/** The simulation's log, with a scheduler that never stops: simulated time passes as fast as the machine can. */
async function memoryUnderTest(): Promise<LogUnderTest> {
  const scheduler = new Scheduler(seededRandom(1));
  const cluster = new MemoryCluster(scheduler);
  const away = new MemoryCluster(scheduler);
  away.faults.down = true;
  let processes = 0;
  const newProcess = () => {
    processes += 1;
    return new SimProcess(`process ${processes}`);
  };
  const open = (at = cluster): Log => at.logFor(newProcess());
  const until: LogUnderTest["until"] = async (condition, withinMs = WITHIN_MS) => {
    const end = scheduler.now + withinMs;
    while (!(await condition())) {
      if (scheduler.now > end) throw new Error(`it did not come true within ${withinMs} ms of simulated time`);
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  };
  let over = false;
  const running = scheduler.run(() => over, Number.POSITIVE_INFINITY, breathe);
  return {
    open: () => open(),
    openAway: () => open(away),
    appendRaw: async (at, records) => cluster.appendRaw(at, records),
    async startMember(group, topic) {
      const process = newProcess();
      const reader = startReader(cluster.logFor(process), { group, topics: [topic] });
      await until(() => reader.asked.length > 0);
      return { kill: async () => process.kill() };
    },
    async cutConnections() {
      cluster.crash();
      cluster.faults.down = true;
      scheduler.after(newProcess(), CUT_MS, () => {
        cluster.faults.down = false;
      });
    },
    async deleteBefore({ topic, partition }, offset) {
      cluster.deleteOldest(topic, (_, at) => (at === partition ? offset : 0));
    },
    sessionMs: 10_000,
    now: () => scheduler.now,
    until,
    async [Symbol.asyncDispose]() {
      over = true;
      await running;
    },
  };
}

logContract("in memory", memoryUnderTest, { abilities: ["cutConnections", "deleteBefore"] });
