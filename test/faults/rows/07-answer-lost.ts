import { until } from "../../support/test-app.ts";
import { outcomeOf } from "../findings.ts";
import { Life } from "../life.ts";
import type { Fault } from "../proxy.ts";
import type { FaultRow } from "../row.ts";
import { proxied } from "./proxied.ts";

const TIMES = 20;
const ALL_LOST_WITHIN_MS = 90_000;

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
    const allLost = async () => {
      await life.capture(40);
      await Bun.sleep(200);
      return fault.times === 0;
    };
    await until(allLost, ALL_LOST_WITHIN_MS).catch(() => {
      throw new Error(`of ${TIMES} answers to COMMIT ${proxy.met()} were lost within ${ALL_LOST_WITHIN_MS / 1_000} s`);
    });
    const recoveredMs = await life.untilSettled(60_000);
    return await outcomeOf(life, `${proxy.met()} answers to COMMIT lost`, recoveredMs);
  },
};
