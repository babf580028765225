import { until } from "../../support/test-app.ts";
import { outcomeOf } from "../findings.ts";
import { Life, type StageName } from "../life.ts";
import type { Fault, FaultProxy } from "../proxy.ts";
import type { FaultOutcome, FaultRow } from "../row.ts";
import { proxied } from "./proxied.ts";

const TIMES = 20;
/** Fewer, and of one stage, where others wait. */
const QUICK_TIMES = 5;
const QUICK_STAGE: StageName = "kafka:materialize";
const ALL_LOST_WITHIN_MS = 90_000;

export const answerLost: FaultRow = {
  number: 7,
  title: "COMMIT sent, answer lost",
  expected: "looked up by event id, applied once",
  deadlineSeconds: 60,
  quick: true,
  async run(random) {
    await using life = await Life.begin(random);
    await using proxy = await proxied(life);
    life.startAll();
    return await answersLost(life, proxy, TIMES);
  },
  async amid(life) {
    const direct = life.stageEnv;
    await using proxy = await proxied(life);
    await restart(life);
    try {
      return await answersLost(life, proxy, QUICK_TIMES);
    } finally {
      life.stageEnv = direct;
      await restart(life);
    }
  },
};

async function answersLost(life: Life, proxy: FaultProxy, times: number): Promise<FaultOutcome> {
  const fault: Fault = { kind: "lose answer", to: "commit", times };
  proxy.set(fault);
  const allLost = async () => {
    await life.capture(40);
    await Bun.sleep(200);
    return fault.times === 0;
  };
  await until(allLost, ALL_LOST_WITHIN_MS).catch(() => {
    throw new Error(`of ${times} answers to COMMIT ${proxy.met()} were lost within ${ALL_LOST_WITHIN_MS / 1_000} s`);
  });
  const recoveredMs = await life.untilSettled(60_000);
  return await outcomeOf(life, `${proxy.met()} answers to COMMIT lost`, recoveredMs);
}

async function restart(life: Life): Promise<void> {
  await life.leave(QUICK_STAGE, { abruptly: false });
  life.start(QUICK_STAGE);
}
