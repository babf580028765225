import { until } from "../../support/test-app.ts";
import { outcomeOf } from "../findings.ts";
import { Life } from "../life.ts";
import type { FaultRow } from "../row.ts";

const DIES = { FAULT_AT: "agent.before-effect" };

export const deadlyJob: FaultRow = {
  number: 29,
  title: "agent whose job kills the process every time",
  expected: "its attempts count; dead-lettered after 3",
  deadlineSeconds: 60,
  quick: false,
  async run(random) {
    await using life = await Life.begin(random);
    const { db } = life.world.app;
    await life.captureLink("/ok/deadly");
    life.startAll(["agent:fetcher"]);
    const dead = async () => (await db`select from lifestream.work where status = 'dead'`).length > 0;
    let deaths = 0;
    while (!(await dead())) {
      const fetcher = life.start("agent:fetcher", { env: DIES });
      await Promise.race([fetcher.ended, until(dead)]);
      if (await dead()) break;
      deaths += 1;
      if (deaths > 3) throw new Error("the job killed the process more than three times");
      await life.freeWork("agent:fetcher");
    }
    const recoveredMs = await life.untilSettled(60_000);
    return await outcomeOf(life, `killed ${deaths} times, then set aside`, recoveredMs);
  },
};
