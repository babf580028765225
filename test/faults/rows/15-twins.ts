import { EVENTS_TOPIC } from "../../../src/engine/topics.ts";
import { startReader, text } from "../../contract/reader.ts";
import { groupShares } from "../../support/group-shares.ts";
import { until } from "../../support/test-app.ts";
import { outcomeOf } from "../findings.ts";
import { Life, type StageName } from "../life.ts";
import type { FaultRow } from "../row.ts";

const TWINS: readonly StageName[] = ["kafka:publish", "router", "kafka:materialize"];
const GROUPS = ["router-v1", "materializer-v1"];

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
    await life.untilUp();
    for (const group of GROUPS) await until(() => isShared(life, group), 60_000);
    for (let n = 0; n < 10; n += 1) await life.capture(50);
    await life.untilSettled(60_000);
    const steps = await stepsBack(life);
    if (steps > 0) throw new Error(`two relays were active: the topic steps back ${steps} times`);
    // More than one batch is under way when the first relay goes.
    for (let n = 0; n < 2; n += 1) await life.capture(200);
    for (const stage of TWINS) await life.kill(stage);
    await life.capture(200);
    const recoveredMs = await life.untilSettled(60_000);
    const takenOver = await stepsBack(life);
    if (takenOver > 1) throw new Error(`one relay took over, and a partition steps back ${takenOver} times`);
    return await outcomeOf(life, "each twice; then the first of each killed", recoveredMs, [
      "partitions shared 2 and 1",
      `${takenOver} steps back in the topic`,
    ]);
  },
};

/** True once both members own some of the three partitions. */
async function isShared({ world }: Life, group: string): Promise<boolean> {
  const shares = await groupShares(world, group);
  return shares.toSorted().join() === "1,2";
}

/**
 * How often a partition goes back to an earlier place of the ledger, at most: never under one relay, once where another took
 * over and sent its batch again; two that are active at once would go back and forth.
 */
async function stepsBack({ world: { app } }: Life): Promise<number> {
  const ends = await app.log.endOffsets([EVENTS_TOPIC]);
  const wanted = [...ends.values()].reduce((sum, end) => sum + end, 0);
  const reader = startReader(app.log, { group: `faults-order-${crypto.randomUUID()}`, topics: [EVENTS_TOPIC] });
  await until(async () => reader.records.length >= wanted, 60_000);
  await reader.stop();
  const partitions = Map.groupBy(reader.records, ({ partition }) => partition);
  const steps = [...partitions.values()].map((records) => {
    const places = records.map(({ value }) => Number(JSON.parse(text(value)).position));
    return places.filter((place, n) => n > 0 && place <= (places[n - 1] ?? 0)).length;
  });
  return Math.max(0, ...steps);
}
