import { checkLife } from "../checker/check.ts";
import type { Life } from "./life.ts";
import type { FaultOutcome } from "./row.ts";

/** Checks a life that came to rest; throws where anything but a loss or a doubling, which are counted, is wrong. */
export async function outcomeOf(life: Life, injected: string, recoveredMs: number): Promise<FaultOutcome> {
  const { lost, doubled, problems } = await checkLife(life.world.app);
  for (const line of [...lost, ...doubled].slice(0, 10)) console.log(`    ${line}`);
  if (problems.length > 0) throw new Error(problems.slice(0, 5).join("; "));
  const [row] = await life.world.app.db<{ events: number }[]>`select count(*) as events from lifestream.events`;
  return {
    injected,
    seen: `${row?.events} events applied`,
    recoveredMs,
    lost: lost.length,
    doubled: doubled.length,
  };
}
