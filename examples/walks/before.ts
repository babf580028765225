import { z } from "zod";
import type { Domain } from "../../src/engine/domain.ts";
import { defineEvent, type PayloadOf, type StoredEvent } from "../../src/engine/event.ts";
import { on } from "../../src/engine/projection.ts";
import type { Sql } from "../../src/engine/store.ts";

/** A walk, as its first version told of it: the distance in words. */
export const walkDoneV1 = defineEvent({
  type: "walk.done",
  subject: "route",
  version: 1,
  payload: z.looseObject({ distance: z.string() }),
});

async function applyDone(events: readonly StoredEvent<PayloadOf<typeof walkDoneV1>>[], tx: Sql): Promise<undefined> {
  const latest = [...new Map(events.map((event) => [event.subjectId, event])).values()];
  await tx`
    insert into lifestream.routes as r (subject_id, distance, position)
    select * from unnest(${latest.map((e) => e.subjectId)}::text[], ${latest.map((e) => e.payload.distance)}::text[],
      ${latest.map((e) => e.position ?? 0)}::bigint[])
    on conflict (subject_id) do update set distance = excluded.distance, position = excluded.position
    where r.position <= excluded.position`;
}

/** The domain before the change that docs/changing-an-event.md makes: the last walk on each route. */
export const walksBefore: Domain = {
  name: "walks",
  events: [walkDoneV1],
  projections: [{ name: "walks", tables: ["routes"], handlers: [on(walkDoneV1, applyDone)] }],
  migrations: [
    {
      name: "0001_routes",
      sql: "create table lifestream.routes (subject_id text primary key, distance text, position bigint not null)",
    },
  ],
};
