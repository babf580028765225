import { outcomeOf } from "../findings.ts";
import { Life } from "../life.ts";
import { startLoad } from "../load.ts";
import type { Fault, FaultProxy } from "../proxy.ts";
import type { FaultRow } from "../row.ts";
import { kafkaProxied, proxied } from "./proxied.ts";

const FAULTS: readonly Fault[] = [
  { kind: "delay", ms: 150 },
  { kind: "hold" },
  { kind: "hold", direction: "to client" },
  { kind: "drop", direction: "to server" },
  { kind: "drop", direction: "to client" },
  { kind: "refuse" },
];
const EACH_MS = 5_000;

export const network: FaultRow = {
  number: 8,
  title: "partition, latency, half-open TCP, to Postgres and to Kafka",
  expected: "deadlines, jittered backoff, lag reaches 0",
  deadlineSeconds: 150,
  quick: false,
  async run(random) {
    await using life = await Life.begin(random, { links: 0.05 });
    await using postgres = await proxied(life);
    await using kafka = await kafkaProxied(life);
    life.startAll();
    const load = startLoad(life, { batch: 20, everyMs: 200 });
    await life.untilBusy();
    for (const proxy of [postgres, kafka]) await bringAllAbout(proxy);
    await load.stop();
    const recoveredMs = await life.untilSettled(150_000);
    return await outcomeOf(
      life,
      "each of the two: delay, partition, loss each way, refusal for 5 s; reset; half-open",
      recoveredMs,
    );
  },
};

async function bringAllAbout(proxy: FaultProxy): Promise<void> {
  for (const fault of FAULTS) {
    proxy.set(fault);
    await Bun.sleep(EACH_MS);
    proxy.set({ kind: "none" });
    await Bun.sleep(1_000);
  }
  proxy.reset();
  await Bun.sleep(1_000);
  if (proxy.met() === 0) throw new Error("nothing went through the proxy");
  proxy.halfOpen();
}
