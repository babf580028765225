import { z } from "zod";
import type { Domain } from "../../src/engine/domain.ts";
import { UserError } from "../../src/engine/errors.ts";
import { defineEvent, type PayloadOf, type StoredEvent } from "../../src/engine/event.ts";
import { deterministicId } from "../../src/engine/ids.ts";
import { on, type Projection } from "../../src/engine/projection.ts";
import type { Sql } from "../../src/engine/store.ts";

/** A workout was done: what, and for how many minutes. */
export const workoutDone = defineEvent({
  type: "workout.done",
  subject: "workout",
  version: 1,
  payload: z.looseObject({ kind: z.string().min(1), minutes: z.number().positive() }),
});

/** One row per workout: the same event again writes the same row. */
const workoutsProjection: Projection = {
  name: "workouts",
  tables: ["workouts"],
  handlers: [on(workoutDone, applyDone)],
};

async function applyDone(events: readonly StoredEvent<PayloadOf<typeof workoutDone>>[], tx: Sql): Promise<undefined> {
  await tx`
    insert into lifestream.workouts (event_id, subject_id, done_at, kind, minutes)
    select * from unnest(${events.map((e) => e.id)}::uuid[], ${events.map((e) => e.subjectId)}::text[],
      ${events.map((e) => e.occurredAt)}::timestamptz[], ${events.map((e) => e.payload.kind)}::text[],
      ${events.map((e) => e.payload.minutes)}::float8[])
    on conflict (event_id) do nothing`;
}

/** A fifth domain: this folder, and one line in `src/app.ts`. */
export const workouts: Domain = {
  name: "workouts",
  events: [workoutDone],
  projections: [workoutsProjection],
  migrations: [
    {
      name: "0001_workouts",
      sql: `create table lifestream.workouts (
        event_id uuid primary key, subject_id text not null, done_at timestamptz not null,
        kind text not null, minutes double precision not null)`,
    },
  ],
  captures: [
    {
      name: "workout",
      usage: "KIND MINUTES",
      summary: "a workout just done",
      parse([kind, minutes], { now, source }) {
        const length = Number(minutes);
        if (!kind || !(length > 0)) throw new UserError('a workout is KIND MINUTES, as in "run 30"', 2);
        return {
          id: deterministicId("capture", workoutDone.type, kind, length, now.toISOString()),
          type: workoutDone.type,
          subject: workoutDone.subject,
          subjectId: `workout:${kind}`,
          source,
          payload: { kind, minutes: length },
        };
      },
    },
  ],
};
