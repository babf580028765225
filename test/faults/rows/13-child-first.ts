import type { NewEvent } from "../../../src/engine/event.ts";
import { ingest } from "../../../src/pipeline/ingest.ts";
import { isApplied } from "../../support/settled.ts";
import { until } from "../../support/test-app.ts";
import { outcomeOf } from "../findings.ts";
import type { Life } from "../life.ts";
import { amidAny } from "../own-life.ts";
import type { FaultRow } from "../row.ts";

const LINKS = 30;
/** Completed before they are created. What a completion then does to a todo, the checker's fold says. */
const TODOS = 20;

export const childFirst: FaultRow = {
  number: 13,
  title: "child before parent",
  expected: "parked, applied when the parent arrives",
  deadlineSeconds: 60,
  quick: true,
  ...amidAny(async (life) => {
    const { app } = life.world;
    const capture = (events: NewEvent[]) =>
      ingest(events, { store: app.store, registry: app.registry, now: () => new Date() });
    const each = Array.from({ length: LINKS }, (_, n) => `link:${n.toString(16).padStart(16, "0")}`);
    const before = await parkedIn(life);
    await capture([
      ...each.flatMap((id) => [...childrenOf(id)]),
      ...Array.from({ length: TODOS }, (_, n) => todo("todo.completed", n, {})),
    ]);
    await until(() => isApplied(app, ["materializer-v1"]));
    const parked = (await parkedIn(life)) - before;
    // What agents make of the early content may wait already too.
    if (parked < 2 * LINKS + TODOS) throw new Error(`only ${parked} events were parked`);
    await capture([
      ...each.map((id, n) => added(id, `${life.pages.origin}/ok/late/${n}`)),
      ...Array.from({ length: TODOS }, (_, n) => todo("todo.created", n, { title: `late ${n}` })),
    ]);
    const recoveredMs = await life.untilSettled(60_000);
    const left = (await parkedIn(life)) - before;
    if (left !== 0) throw new Error(`${left} events are still parked`);
    const done = await app.db`
      select 1 from lifestream.todos where subject_id like 'todo:late:%' and status = 'done'`;
    if (done.length !== TODOS) throw new Error(`${done.length} of ${TODOS} todos are done`);
    return await outcomeOf(life, `${parked} events parked, then their links and todos came`, recoveredMs);
  }),
};

async function parkedIn({ world }: Life): Promise<number> {
  const [row] = await world.app.db<{ n: number }[]>`select count(*) as n from lifestream.parked_events`;
  return row?.n ?? 0;
}

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

function todo(type: string, n: number, payload: Record<string, unknown>): NewEvent {
  return { type, subject: "todo", subjectId: `todo:late:${n}`, payload };
}
