import { outcomeOf } from "../findings.ts";
import { Life } from "../life.ts";
import type { FaultRow } from "../row.ts";

const WITHIN_MS = 10_000;
const ROUNDS = 3;

export const sigterm: FaultRow = {
  number: 28,
  title: "SIGTERM under load",
  expected: "drained or released within 10 s, exit code 0",
  deadlineSeconds: 60,
  quick: false,
  async run(random) {
    await using life = await Life.begin(random, { pageMs: 100 });
    let slowest = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      life.startAll();
      await life.untilUp();
      await life.capture(150);
      await life.untilBusy();
      for (const { stage, code, ms } of await life.stopAll()) {
        if (code !== 0 || ms > WITHIN_MS) throw new Error(`${stage} ended with ${code} after ${Math.round(ms)} ms`);
        slowest = Math.max(slowest, ms);
      }
    }
    life.startAll();
    const recoveredMs = await life.untilSettled(60_000);
    return await outcomeOf(life, `${ROUNDS} times all stopped, the slowest in ${Math.round(slowest)} ms`, recoveredMs);
  },
};
