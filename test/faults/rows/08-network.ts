import { until } from "../../support/test-app.ts";
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
  says: [/(?=.*waiting)(?=.*Postgres)/i, /(?=.*waiting)(?=.*Kafka)/i],
  deadlineSeconds: 150,
  quick: false,
  async run(random) {
    await using life = await Life.begin(random, { links: 0.05 });
    await using postgres = await proxied(life);
    await using kafka = await kafkaProxied(life);
    life.startAll();
    const load = startLoad(life, { batch: 20, everyMs: 200 });
    await life.untilBusy();
    const met = [...(await bringAllAbout(postgres)), ...(await bringAllAbout(kafka))];
    await load.stop();
    const recoveredMs = await life.untilSettled(150_000);
    return await outcomeOf(
      life,
      "each of the two: delay, partition, loss each way, refusal for 5 s; reset; half-open",
      recoveredMs,
      [`met ${met.join("+")} chunks or connections`],
    );
  },
};

/** Returns how many chunks or connections each fault met; throws where one met none, and so was none. */
async function bringAllAbout(proxy: FaultProxy): Promise<number[]> {
  const each: number[] = [];
  const noted = async (what: string, bringAbout: () => unknown) => {
    const before = proxy.met();
    await bringAbout();
    const met = proxy.met() - before;
    if (met === 0) throw new Error(`nothing met the fault: ${what}`);
    each.push(met);
  };
  for (const fault of FAULTS) {
    await noted(JSON.stringify(fault), async () => {
      proxy.set(fault);
      await Bun.sleep(EACH_MS);
      proxy.set({ kind: "none" });
    });
    await Bun.sleep(1_000);
  }
  await untilConnected(proxy);
  await noted("reset", () => proxy.reset());
  await untilConnected(proxy);
  await noted("half-open", () => proxy.halfOpen());
  return each;
}

/** Stages have come back: there is something to cut in half. */
async function untilConnected(proxy: FaultProxy): Promise<void> {
  await until(async () => proxy.connections() > 0);
}
