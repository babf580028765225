import { outcomeOf } from "../findings.ts";
import { Life } from "../life.ts";
import { startLoad } from "../load.ts";
import type { Fault } from "../proxy.ts";
import type { FaultRow } from "../row.ts";
import { proxied } from "./proxied.ts";

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
  title: "partition, latency, half-open TCP (Postgres)",
  expected: "deadlines, jittered backoff, lag reaches 0",
  deadlineSeconds: 150,
  quick: false,
  async run(random) {
    await using life = await Life.begin(random, { links: 0.05 });
    await using proxy = await proxied(life);
    life.startAll();
    const load = startLoad(life, { batch: 20, everyMs: 200 });
    await life.untilBusy();
    for (const fault of FAULTS) {
      proxy.set(fault);
      await Bun.sleep(EACH_MS);
      proxy.set({ kind: "none" });
      await Bun.sleep(1_000);
    }
    proxy.reset();
    await Bun.sleep(1_000);
    proxy.halfOpen();
    await load.stop();
    const recoveredMs = await life.untilSettled(150_000);
    return await outcomeOf(
      life,
      "delay, partition, loss each way, refusal for 5 s each; reset; half-open",
      recoveredMs,
    );
  },
};
