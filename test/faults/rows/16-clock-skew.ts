import { until } from "../../support/test-app.ts";
import { outcomeOf } from "../findings.ts";
import { Life, STAGES } from "../life.ts";
import { startLoad } from "../load.ts";
import type { FaultRow } from "../row.ts";

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
/** Amid the load. */
const JUMPS_AFTER_MS = 3_000;
const LOAD_MS = 8_000;
const PRELOAD = { BUN_OPTIONS: "--preload ./test/support/shifted-clock.ts" };
const jumpOf = (nth: number) => (nth % 2 === 0 ? -DAY_MS : DAY_MS);

export const clockSkew: FaultRow = {
  number: 16,
  title: "clocks that jump a day, back and forth",
  expected: "order by position, timers monotonic",
  deadlineSeconds: 60,
  quick: false,
  async run(random) {
    await using life = await Life.begin(random);
    for (const [n, stage] of STAGES.entries()) {
      life.start(stage, {
        env: { ...PRELOAD, SHIFT_CLOCK_MS: String(jumpOf(n)), SHIFT_CLOCK_AFTER_MS: String(JUMPS_AFTER_MS) },
      });
    }
    await life.untilUp();
    const load = startLoad(life, { batch: 20, everyMs: 200, now: jumpingClock() });
    await Bun.sleep(LOAD_MS);
    await until(async () => STAGES.every((_, n) => clockOf(life, n) !== null));
    await load.stop();
    // From here on every event of an agent has the time that its agent took for the present.
    await life.capture(100, () => new Date(Date.now() - DAY_MS));
    const recoveredMs = await life.untilSettled(60_000);
    requireJumps(life);
    const off = await eventsOff(life);
    return await outcomeOf(life, "capture and three stages a day back, three a day ahead, amid load", recoveredMs, off);
  },
};

/** That of whoever captures: a day back from then on. */
function jumpingClock(): () => Date {
  const startedAt = performance.now();
  return () => new Date(Date.now() - (performance.now() - startedAt > JUMPS_AFTER_MS ? DAY_MS : 0));
}

/** What time it was for a stage after its clock had jumped; null: it has not. */
function clockOf(life: Life, nth: number): number | null {
  const said =
    life
      .running()
      .get(STAGES[nth] ?? "")
      ?.printed().stderr ?? "";
  const [, time] = /^the clock says (\S+)$/m.exec(said) ?? [];
  return time ? Date.parse(time) : null;
}

function requireJumps(life: Life): void {
  for (const [n, stage] of STAGES.entries()) {
    const off = (clockOf(life, n) ?? Date.now()) - Date.now();
    if (Math.abs(off - jumpOf(n)) > HOUR_MS) throw new Error(`the clock of ${stage} is off by ${off} ms`);
  }
}

/** Whoever writes events wrote some with its wrong time: a day back or ahead of the ledger's. */
async function eventsOff({ world }: Life): Promise<string[]> {
  const rows = await world.app.db<{ source: string; back: number; ahead: number }[]>`
    select source, count(*) filter (where occurred_at < received_at - interval '23 hours') as back,
      count(*) filter (where occurred_at > received_at + interval '23 hours') as ahead
    from lifestream.events group by source`;
  const wanted = [
    ["test", "back"],
    ["agent:fetcher", "ahead"],
    ["agent:enricher", "back"],
    ["agent:publisher", "ahead"],
  ] as const;
  return wanted.map(([source, way]) => {
    const off = rows.find((row) => row.source === source)?.[way] ?? 0;
    if (off === 0) throw new Error(`no event of ${source} is a day ${way}`);
    return `${off} events of ${source} a day ${way}`;
  });
}
