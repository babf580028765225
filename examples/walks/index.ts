import { z } from "zod";
import type { Domain } from "../../src/engine/domain.ts";
import { DataError } from "../../src/engine/errors.ts";
import { defineEvent, type Payload, type PayloadOf, type StoredEvent } from "../../src/engine/event.ts";
import { on } from "../../src/engine/projection.ts";
import type { Sql } from "../../src/engine/store.ts";
import { walksBefore } from "./before.ts";

/** A walk: since version 2 the distance is a number, in meters. */
export const walkDone = defineEvent({
  type: "walk.done",
  subject: "route",
  version: 2,
  payload: z.looseObject({ meters: z.number().nonnegative() }),
  upcast: (payload, fromVersion) => (fromVersion < 2 ? inMeters(payload) : payload),
});

/** Version 1 said `5 km`, `800 m`. */
function inMeters({ distance, ...rest }: Payload): Payload {
  const [, number = "", unit] = /^([\d.]+) (km|m)$/.exec(String(distance)) ?? [];
  if (!unit) throw new DataError(`the distance of a walk is "5 km" or "800 m", not "${distance}"`, "wrong_shape");
  return { ...rest, meters: Number(number) * (unit === "km" ? 1_000 : 1) };
}

async function applyDone(events: readonly StoredEvent<PayloadOf<typeof walkDone>>[], tx: Sql): Promise<undefined> {
  const latest = [...new Map(events.map((event) => [event.subjectId, event])).values()];
  await tx`
    insert into lifestream.routes as r (subject_id, meters, position)
    select * from unnest(${latest.map((e) => e.subjectId)}::text[], ${latest.map((e) => e.payload.meters)}::float8[],
      ${latest.map((e) => e.position ?? 0)}::bigint[])
    on conflict (subject_id) do update set meters = excluded.meters, position = excluded.position
    where r.position <= excluded.position`;
}

/** The same domain after the change. The column it no longer writes goes in a later release. */
export const walks: Domain = {
  name: "walks",
  events: [walkDone],
  projections: [{ name: "walks", tables: ["routes"], handlers: [on(walkDone, applyDone)] }],
  migrations: [
    ...(walksBefore.migrations ?? []),
    { name: "0002_meters", sql: "alter table lifestream.routes add column meters double precision" },
  ],
};
