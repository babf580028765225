import { outcomeOf } from "../findings.ts";
import { Life, type StageName } from "../life.ts";
import { startLoad } from "../load.ts";
import type { FaultRow } from "../row.ts";

const STORM: readonly StageName[] = ["router", "kafka:materialize"];
const ROUNDS = 8;
const EVERY_MS = 2_000;

export const rebalances: FaultRow = {
  number: 17,
  title: "rebalance storm (join or leave every 2 s)",
  expected: "no write by a stale owner",
  deadlineSeconds: 90,
  quick: false,
  async run(random) {
    await using life = await Life.begin(random);
    life.startAll();
    const load = startLoad(life, { batch: 30, everyMs: 150 });
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const stage of STORM) life.start(stage, { as: `${stage} guest` });
      await Bun.sleep(EVERY_MS);
      for (const stage of STORM) await life.leave(`${stage} guest`, { abruptly: round % 2 === 1 });
      await Bun.sleep(EVERY_MS * random());
    }
    await load.stop();
    return await outcomeOf(
      life,
      `${2 * ROUNDS} joins and leaves, half of them kill -9`,
      await life.untilSettled(90_000),
    );
  },
};
