import { outcomeOf } from "./findings.ts";
import { Life, STAGES, type StageName } from "./life.ts";
import { startLoad } from "./load.ts";
import type { FaultOutcome } from "./row.ts";

const BATCH = 20;
const BATCH_EVERY_MS = 250;
const BETWEEN_MS = 900;
const DOWN_MS = 400;
/** Leases of killed agents run out meanwhile, each after 20 s. */
export const SETTLED_WITHIN_MS = 180_000;

/** `kill -9` at random moments of random stages, each started again, while events of all kinds are captured. */
export async function manyKills(kills: number, random: () => number): Promise<FaultOutcome> {
  await using life = await Life.begin(random, { pageMs: 25 });
  const killed = new Map<StageName, number>();
  life.startAll();
  const load = startLoad(life, { batch: BATCH, everyMs: BATCH_EVERY_MS });
  for (let n = 1; n <= kills; n += 1) {
    await Bun.sleep(random() * BETWEEN_MS);
    const stage = STAGES[Math.floor(random() * STAGES.length)] as StageName;
    await life.kill(stage);
    killed.set(stage, (killed.get(stage) ?? 0) + 1);
    await Bun.sleep(random() * DOWN_MS);
    life.start(stage);
    if (n % 20 === 0) console.log(`    ${n} of ${kills} kills`);
  }
  await load.stop();
  const recoveredMs = await life.untilSettled(SETTLED_WITHIN_MS);
  const each = STAGES.map((stage) => `${stage} ${killed.get(stage) ?? 0}`).join(", ");
  return await outcomeOf(life, `${kills} kills: ${each}`, recoveredMs, [], { agentsDie: true });
}
