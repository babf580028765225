import { EVENTS_TOPIC } from "../../../src/engine/topics.ts";
import { ensureTopics } from "../../../src/pipeline/topics.ts";
import { outcomeOf } from "../findings.ts";
import { Life } from "../life.ts";
import type { FaultRow } from "../row.ts";
import { requireFlows } from "./flows.ts";

export const topicAnew: FaultRow = {
  number: 20,
  title: "topic deleted, re-created and refilled past the old offset",
  expected: "noticed by its id; nothing skipped",
  says: [/w(as|ere) created anew: the whole ledger flows again/],
  deadlineSeconds: 90,
  quick: false,
  async run(random) {
    await using life = await Life.begin(random, { model: true });
    const { log, registry } = life.world.app;
    life.startAll();
    await life.capture(150);
    await life.untilSettled(60_000);
    const asked = life.asked();
    await life.stopAll();
    await log.deleteTopics([EVENTS_TOPIC]);
    await ensureTopics(log, registry.topics);
    await life.capture(600);
    life.startAll();
    const recoveredMs = await life.untilSettled(90_000);
    requireNotAskedAgain(asked, life.asked());
    await requireFlows(life, /w(as|ere) created anew/);
    return await outcomeOf(life, "150 events applied, topic made anew, 600 more", recoveredMs);
  },
};

/** What was read and summarized before is not asked for once more for a replay. Both by `Life.asked`. */
export function requireNotAskedAgain(before: ReadonlyMap<string, number>, now: ReadonlyMap<string, number>): void {
  for (const kind of ["page", "summary"]) {
    if (![...before.keys()].some((what) => what.startsWith(kind))) throw new Error(`no ${kind} was asked for at all`);
  }
  const again = [...before].filter(([what, times]) => now.get(what) !== times);
  if (again.length > 0) throw new Error(`asked for again: ${again.map(([what]) => what).join(", ")}`);
}
