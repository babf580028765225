import type { NewEvent } from "../../../src/engine/event.ts";
import { ingest } from "../../../src/pipeline/ingest.ts";
import { isApplied } from "../../support/settled.ts";
import { until } from "../../support/test-app.ts";
import { outcomeOf } from "../findings.ts";
import type { Life } from "../life.ts";
import { amidAny } from "../own-life.ts";
import type { FaultRow } from "../row.ts";

/** Others are not held up for longer than this. */
const OTHERS_WITHIN_MS = 15_000;
const SUBJECT = "todo:held";

/** What happens to one todo, in the order of the inserts: `held` within the long transaction, all else committed at once. */
const STEPS: readonly (readonly [by: "held" | "others", type: string, title?: string])[] = [
  ["others", "todo.created", "before"],
  ["held", "todo.created", "held 1"],
  ["others", "todo.created", "amid 1"],
  ["held", "todo.created", "held 2"],
  ["others", "todo.completed"],
  ["held", "todo.completed"],
  ["others", "todo.created", "amid 2"],
];

export const longTransaction: FaultRow = {
  number: 14,
  title: "long transaction holding an early ledger position",
  expected: "no loss, order kept, others not stalled for 15 s",
  deadlineSeconds: 60,
  quick: true,
  ...amidAny(async (life) => {
    const { app } = life.world;
    await life.untilUp();
    const [inserted, open] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const early = app.db.begin(async (tx) => {
      for (const [by, type, title] of STEPS) {
        if (by === "others") await captureOne(life, type, title);
        else
          await tx`
            insert into lifestream.events (occurred_at, source, subject, subject_id, event_type, payload)
            values (now(), 'held', 'todo', ${SUBJECT}, ${type}, ${tx.json(payloadOf(title))})`;
      }
      inserted.resolve();
      await open.promise;
    });
    early.catch(inserted.reject);
    await inserted.promise;
    for (let n = 0; n < 4; n += 1) await life.capture(50);
    const startedAt = performance.now();
    await until(() => isApplied(app, ["materializer-v1"]), OTHERS_WITHIN_MS).finally(open.resolve);
    const othersMs = Math.round(performance.now() - startedAt);
    await early;
    const recoveredMs = await life.untilSettled(60_000);
    await requireOrder(life);
    const what = `held open with 3 events of a todo among 4 of others; those applied within ${othersMs} ms`;
    return await outcomeOf(life, what, recoveredMs, ["the 3 behind the 4, each in its order"]);
  }),
};

const payloadOf = (title?: string) => (title ? { title } : {});

async function captureOne({ world: { app } }: Life, type: string, title?: string): Promise<void> {
  const event: NewEvent = { type, subject: "todo", subjectId: SUBJECT, payload: payloadOf(title), source: "others" };
  await ingest([event], { store: app.store, registry: app.registry, now: () => new Date() });
}

/** What committed late stands behind what was applied before, in the ledger, in the log and in what became of the todo. */
async function requireOrder({ world: { app } }: Life): Promise<void> {
  const events = await app.db<{ what: string; place: number; partition: number }[]>`
    select concat_ws(' ', source, event_type, payload->>'title') as what, kafka_offset as place,
      kafka_partition as partition
    from lifestream.events where subject_id = ${SUBJECT} order by position`;
  const wanted = [...STEPS.filter(([by]) => by === "others"), ...STEPS.filter(([by]) => by === "held")];
  const order = events.map(({ what }) => what).join(", ");
  if (order !== wanted.map((step) => step.filter(Boolean).join(" ")).join(", "))
    throw new Error(`the ledger has: ${order}`);
  const back = events.filter(({ place }, n) => n > 0 && place <= (events[n - 1]?.place ?? 0));
  if (back.length > 0 || new Set(events.map(({ partition }) => partition)).size !== 1)
    throw new Error(`the log has another order: ${events.map(({ what, place }) => `${what} at ${place}`).join(", ")}`);
  const [todo] = await app.db<{ now: string }[]>`
    select title || ' ' || status as now from lifestream.todos where subject_id = ${SUBJECT}`;
  if (todo?.now !== "held 2 done") throw new Error(`the todo is "${todo?.now}"`);
}
