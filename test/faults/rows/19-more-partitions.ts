import { EVENTS_TOPIC } from "../../../src/engine/topics.ts";
import { runCommand } from "../../support/commands.ts";
import { outcomeOf } from "../findings.ts";
import { Life } from "../life.ts";
import type { FaultRow } from "../row.ts";

export const morePartitions: FaultRow = {
  number: 19,
  title: "partitions 3 -> 6",
  expected: "order per subject holds",
  deadlineSeconds: 90,
  quick: false,
  async run(random) {
    await using life = await Life.begin(random);
    life.startAll();
    for (let n = 0; n < 6; n += 1) await life.capture(50);
    await life.stopAll();
    const grown = await runCommand(["kafka:init", "--partitions", `${EVENTS_TOPIC}=6`, "--yes"], life.world.env);
    if (grown.code !== 0) throw new Error(`partitions were not added: ${grown.stderr || grown.stdout}`);
    life.startAll();
    for (let n = 0; n < 6; n += 1) await life.capture(50);
    return await outcomeOf(
      life,
      "three more amid unread records, then the same subjects",
      await life.untilSettled(90_000),
    );
  },
};
