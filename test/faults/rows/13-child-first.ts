import type { NewEvent } from "../../../src/engine/event.ts";
import { ingest } from "../../../src/pipeline/ingest.ts";
import { isApplied } from "../../support/settled.ts";
import { until } from "../../support/test-app.ts";
import { outcomeOf } from "../findings.ts";
import { Life } from "../life.ts";
import type { FaultRow } from "../row.ts";

const LINKS = 30;

export const childFirst: FaultRow = {
  number: 13,
  title: "child before parent",
  expected: "parked, applied when the parent arrives",
  deadlineSeconds: 60,
  quick: true,
  async run(random) {
    await using life = await Life.begin(random);
    const { app } = life.world;
    const capture = (events: NewEvent[]) =>
      ingest(events, { store: app.store, registry: app.registry, now: () => new Date() });
    const each = Array.from({ length: LINKS }, (_, n) => `link:${n.toString(16).padStart(16, "0")}`);
    life.startAll();
    await capture(each.flatMap((id) => [...childrenOf(id)]));
    await until(() => isApplied(app, ["materializer-v1"]));
    const [row] = await app.db<{ parked: number }[]>`select count(*) as parked from lifestream.parked_events`;
    if ((row?.parked ?? 0) < 2 * LINKS) throw new Error(`only ${row?.parked} events were parked`);
    await capture(each.map((id, n) => added(id, `${life.pages.origin}/ok/late/${n}`)));
    const recoveredMs = await life.untilSettled(60_000);
    return await outcomeOf(life, `${row?.parked} events parked, then their links came`, recoveredMs);
  },
};

function* childrenOf(id: string): Generator<NewEvent> {
  const annotation_id = crypto.randomUUID();
  const on = { subject: "link", subjectId: id };
  yield { type: "content.fetched", ...on, payload: { title: "early", text_content: "read before it was added" } };
  const payload = { annotation_id, link_subject_id: id, note: "early" };
  yield { type: "annotation.added", subject: "annotation", subjectId: `annotation:${annotation_id}`, payload };
}

function added(id: string, url: string): NewEvent {
  return { type: "link.added", subject: "link", subjectId: id, payload: { url, visibility: "public" } };
}
