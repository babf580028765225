import { outcomeOf } from "../findings.ts";
import { Life, STAGES } from "../life.ts";
import { startLoad } from "../load.ts";
import type { FaultRow } from "../row.ts";

const DAY_MS = 86_400_000;
/** Amid the load. */
const JUMPS_AFTER_MS = 3_000;
const LOAD_MS = 8_000;
const PRELOAD = { BUN_OPTIONS: "--preload ./test/support/shifted-clock.ts" };

export const clockSkew: FaultRow = {
  number: 16,
  title: "clocks that jump a day, back and forth",
  expected: "order by position, timers monotonic",
  deadlineSeconds: 60,
  quick: false,
  async run(random) {
    await using life = await Life.begin(random);
    for (const [n, stage] of STAGES.entries()) {
      const jump = n % 2 === 0 ? -DAY_MS : DAY_MS;
      life.start(stage, {
        env: { ...PRELOAD, SHIFT_CLOCK_MS: String(jump), SHIFT_CLOCK_AFTER_MS: String(JUMPS_AFTER_MS) },
      });
    }
    const load = startLoad(life, { batch: 20, everyMs: 200, now: jumpingClock() });
    await Bun.sleep(LOAD_MS);
    await load.stop();
    const recoveredMs = await life.untilSettled(60_000);
    return await outcomeOf(life, "capture and three stages a day back, three a day ahead, amid load", recoveredMs);
  },
};

/** That of whoever captures: a day back from then on. */
function jumpingClock(): () => Date {
  const startedAt = performance.now();
  return () => new Date(Date.now() - (performance.now() - startedAt > JUMPS_AFTER_MS ? DAY_MS : 0));
}
