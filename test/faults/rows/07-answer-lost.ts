import { outcomeOf } from "../findings.ts";
import { Life } from "../life.ts";
import type { Fault } from "../proxy.ts";
import type { FaultRow } from "../row.ts";
import { proxied } from "./proxied.ts";

const TIMES = 20;

export const answerLost: FaultRow = {
  number: 7,
  title: "COMMIT sent, answer lost",
  expected: "looked up by event id, applied once",
  deadlineSeconds: 60,
  quick: false,
  async run(random) {
    await using life = await Life.begin(random);
    await using proxy = await proxied(life);
    life.startAll();
    const fault: Fault = { kind: "lose answer", to: "commit", times: TIMES };
    proxy.set(fault);
    while (fault.times > 0) await life.capture(40).then(() => Bun.sleep(200));
    const recoveredMs = await life.untilSettled(60_000);
    return await outcomeOf(life, `${proxy.met()} answers to COMMIT lost`, recoveredMs);
  },
};
