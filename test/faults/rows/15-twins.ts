import { outcomeOf } from "../findings.ts";
import { Life, type StageName } from "../life.ts";
import type { FaultRow } from "../row.ts";

const TWINS: readonly StageName[] = ["kafka:publish", "router", "kafka:materialize"];

export const twins: FaultRow = {
  number: 15,
  title: "two relays, two routers, two materializers",
  expected: "one active relay, shared partitions, no interleaving",
  deadlineSeconds: 60,
  quick: false,
  async run(random) {
    await using life = await Life.begin(random);
    life.startAll();
    for (const stage of TWINS) life.start(stage, { as: `${stage} 2` });
    for (let n = 0; n < 10; n += 1) await life.capture(50);
    await life.untilSettled(60_000);
    for (const stage of TWINS) await life.kill(stage);
    await life.capture(200);
    return await outcomeOf(life, "each twice; then the first of each killed", await life.untilSettled(60_000));
  },
};
