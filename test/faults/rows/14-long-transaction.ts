import { isApplied } from "../../support/settled.ts";
import { until } from "../../support/test-app.ts";
import { outcomeOf } from "../findings.ts";
import { amidAny } from "../own-life.ts";
import type { FaultRow } from "../row.ts";

/** Others are not held up for longer than this. */
const OTHERS_WITHIN_MS = 15_000;

export const longTransaction: FaultRow = {
  number: 14,
  title: "long transaction holding an early ledger position",
  expected: "no loss, order kept, others not stalled for 15 s",
  deadlineSeconds: 60,
  quick: true,
  ...amidAny(async (life) => {
    const { app } = life.world;
    await life.untilUp();
    const [begun, open] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const early = app.db.begin(async (tx) => {
      await tx`
        insert into lifestream.events (occurred_at, source, subject, subject_id, event_type, payload)
        values (now(), 'test', 'todo', 'todo:held', 'todo.created', '{"title": "held"}')`;
      begun.resolve();
      await open.promise;
    });
    await begun.promise;
    for (let n = 0; n < 4; n += 1) await life.capture(50);
    const startedAt = performance.now();
    await until(() => isApplied(app, ["materializer-v1"]), OTHERS_WITHIN_MS).finally(open.resolve);
    const othersMs = Math.round(performance.now() - startedAt);
    await early;
    const recoveredMs = await life.untilSettled(60_000);
    return await outcomeOf(life, `held open; the others applied within ${othersMs} ms`, recoveredMs);
  }),
};
