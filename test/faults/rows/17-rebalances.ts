import { until } from "../../support/test-app.ts";
import { type AskedStage, startAsked } from "../asked.ts";
import { outcomeOf } from "../findings.ts";
import { Life, type StageName } from "../life.ts";
import { startLoad } from "../load.ts";
import type { FaultRow } from "../row.ts";

const STORM: readonly StageName[] = ["router", "kafka:materialize"];
const ROUNDS = 8;
const EVERY_MS = 2_000;
/** Of what is captured while it lasts: pages take longer than all else, and the storm is not about them. */
const LINKS = 0.03;
const ASSIGNED = "stream_group_rebalances_total";

export const rebalances: FaultRow = {
  number: 17,
  title: "rebalance storm (join or leave every 2 s)",
  expected: "no write by a stale owner",
  deadlineSeconds: 90,
  quick: false,
  async run(random) {
    await using life = await Life.begin(random, { links: LINKS });
    life.startAll(STORM);
    const hosts = await Promise.all(STORM.map((stage) => startAsked(life, stage)));
    await until(() => eachAssigned(hosts));
    const before = await assignments(hosts);
    const load = startLoad(life, { batch: 30, everyMs: 150 });
    for (let round = 0; round < ROUNDS; round += 1) {
      const guests = await Promise.all(STORM.map((stage) => startAsked(life, stage, { as: `${stage} guest` })));
      // One that was killed keeps its place until its session is over: the next waits for that.
      await until(() => eachAssigned(guests), 60_000);
      await Bun.sleep(EVERY_MS * random());
      for (const stage of STORM) await life.leave(`${stage} guest`, { abruptly: round % 2 === 1 });
      await Bun.sleep(EVERY_MS * random());
    }
    await load.stop();
    const recoveredMs = await life.untilSettled(90_000);
    const moved = (await assignments(hosts)).map((times, n) => times - (before[n] ?? 0));
    // Each guest moved partitions when it came.
    if (moved.some((times) => times < ROUNDS)) throw new Error(`partitions moved only ${moved.join(" and ")} times`);
    return await outcomeOf(life, `${2 * ROUNDS} joins and leaves, half of them kill -9`, recoveredMs, [
      `partitions moved ${STORM.map((stage, n) => `${moved[n]} times at the ${stage}`).join(", ")}`,
    ]);
  },
};

const assignments = (stages: readonly AskedStage[]) =>
  Promise.all(stages.map(async ({ metric }) => (await metric(ASSIGNED)) ?? 0));

const eachAssigned = async (stages: readonly AskedStage[]) => (await assignments(stages)).every((times) => times > 0);
