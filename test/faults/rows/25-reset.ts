import { runCommand } from "../../support/commands.ts";
import { outcomeOf } from "../findings.ts";
import { amidAny } from "../own-life.ts";
import type { FaultRow } from "../row.ts";
import { requireNotAskedAgain } from "./20-topic-anew.ts";

export const reset: FaultRow = {
  number: 25,
  title: "kafka:reset mid-flow, while stages run",
  expected: "nothing is done for a replay, and the state is the same",
  deadlineSeconds: 120,
  quick: true,
  ...amidAny(
    async (life) => {
      await life.capture(200);
      await life.untilSettled(60_000);
      const asked = life.asked();
      await life.capture(200);
      const { code, stderr } = await runCommand(["kafka:reset", "--yes", "--force"], life.world.env, {
        withinMs: 60_000,
      });
      if (code !== 0) throw new Error(`the reset failed: ${stderr}`);
      await life.capture(50);
      const recoveredMs = await life.untilSettled(120_000);
      requireNotAskedAgain(asked, life.asked());
      return await outcomeOf(life, "kafka:reset --force amid 200 events", recoveredMs, [
        `${asked.size} pages and summaries asked for before, none again`,
      ]);
    },
    { model: true },
  ),
};
