import type { PayloadOf, StoredEvent } from "../../engine/event.ts";
import type { Sql } from "../../engine/ports.ts";
import { on, type Parked, type Projection } from "../../engine/projection.ts";
import { linkAdded } from "../links/events.ts";
import { knownIn, park } from "../shared/parking.ts";
import { annotationAdded } from "./events.ts";

type Added = StoredEvent<PayloadOf<typeof annotationAdded>>;

/** Notes and highlights; one on a link that is not known yet waits for it. */
export const annotationsProjection: Projection = {
  name: "annotations",
  tables: ["annotations"],
  // Links are written by their own projection; here their arrival only frees what waited for them.
  handlers: [on(annotationAdded, applyAdded), on(linkAdded, async () => undefined)],
};

async function applyAdded(events: readonly Added[], tx: Sql): Promise<readonly Parked[]> {
  const links = [...new Set(events.map((event) => event.payload.link_subject_id))];
  const { present, parked } = park(events, (event) => event.payload.link_subject_id, await knownIn("links", links, tx));
  const rows = [...new Map(present.map((event) => [event.payload.annotation_id, event])).values()];
  await tx`
    insert into lifestream.subjects (subject, subject_id, created_at, visibility)
    select distinct on (id) 'annotation', id, at, visibility
    from unnest(${rows.map((e) => e.subjectId)}::text[], ${rows.map((e) => e.occurredAt)}::timestamptz[],
      ${rows.map((e) => e.payload.visibility ?? "private")}::text[]) as n(id, at, visibility)
    on conflict (subject, subject_id) do nothing`;
  await tx`
    insert into lifestream.annotations as a
      (annotation_id, subject_id, link_subject_id, created_at, updated_at, quote, note, selector, visibility, position)
    select annotation_id, subject_id, link_subject_id, at, at, quote, note, selector::jsonb, visibility, position
    from unnest(${rows.map((e) => e.payload.annotation_id)}::uuid[], ${rows.map((e) => e.subjectId)}::text[],
      ${rows.map((e) => e.payload.link_subject_id)}::text[], ${rows.map((e) => e.occurredAt)}::timestamptz[],
      ${rows.map((e) => e.payload.quote ?? null)}::text[], ${rows.map((e) => e.payload.note ?? null)}::text[],
      ${rows.map((e) => JSON.stringify(e.payload.selector ?? {}))}::text[],
      ${rows.map((e) => e.payload.visibility ?? "private")}::text[], ${rows.map((e) => e.position ?? 0)}::bigint[])
      as n(annotation_id, subject_id, link_subject_id, at, quote, note, selector, visibility, position)
    on conflict (annotation_id) do update set
      quote = excluded.quote, note = excluded.note, selector = excluded.selector, visibility = excluded.visibility,
      updated_at = excluded.updated_at, position = excluded.position
    where a.position <= excluded.position`;
  return parked;
}
