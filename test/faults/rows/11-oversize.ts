import { ingest } from "../../../src/pipeline/ingest.ts";
import { outcomeOf } from "../findings.ts";
import { Life } from "../life.ts";
import type { FaultRow } from "../row.ts";

const MEGABYTES = 5;

export const oversize: FaultRow = {
  number: 11,
  title: "oversized record (5 MB page)",
  expected: "by reference; one row never blocks a batch",
  deadlineSeconds: 60,
  quick: false,
  async run(random) {
    await using life = await Life.begin(random);
    life.startAll();
    await life.capture(50);
    const title = "x".repeat(MEGABYTES * 1024 * 1024);
    const { store, registry } = life.world.app;
    const events = [1, 2, 3].map((n) => ({
      type: "todo.created",
      subject: "todo",
      subjectId: `todo:big:${n}`,
      payload: { title },
    }));
    await ingest(events, { store, registry, now: () => new Date() });
    await life.capture(50);
    return await outcomeOf(life, `3 events of ${MEGABYTES} MB amid small ones`, await life.untilSettled(60_000));
  },
};
