import { DEAD_LETTER_TOPIC } from "../../../src/engine/topics.ts";
import { workName } from "../../checker/ends.ts";
import { readTopic } from "../../support/read-topic.ts";
import { until } from "../../support/test-app.ts";
import { outcomeOf } from "../findings.ts";
import { Life } from "../life.ts";
import type { FaultRow } from "../row.ts";

const ATTEMPTS = 3;
const LEASE_OVER_MS = 60_000;
const DIES = { FAULT_AT: "agent.before-effect" };

export const deadlyJob: FaultRow = {
  number: 29,
  title: "agent whose job kills the process every time",
  expected: "its attempts count; dead-lettered after 3",
  deadlineSeconds: 30,
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
      // What it had in hand is free when its lease, of 20 s, has run out.
      await Promise.race([fetcher.ended, until(dead, LEASE_OVER_MS)]);
      if (await dead()) break;
      deaths += 1;
      if (deaths > ATTEMPTS) throw new Error(`the job killed the process more than ${ATTEMPTS} times`);
    }
    const recoveredMs = await life.untilSettled(30_000);
    const [work] = await db<{ attempt: number; status: string }[]>`select attempt, status from lifestream.work`;
    const letters = await readTopic(life.world, DEAD_LETTER_TOPIC);
    if (deaths !== ATTEMPTS || work?.attempt !== ATTEMPTS || letters.length !== 1) {
      throw new Error(`${deaths} deaths, ${work?.attempt} attempts, ${letters.length} dead letters`);
    }
    return await outcomeOf(life, `killed ${deaths} times, then given up`, recoveredMs, ["1 dead letter"], {
      givenUp: [workName("fetch_link", `${life.pages.origin}/ok/deadly`)],
    });
  },
};
