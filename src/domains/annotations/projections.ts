import { stateAdopted } from "../../engine/adopted.ts";
import type { PayloadOf, StoredEvent } from "../../engine/event.ts";
import { on, type Parked, type Projection } from "../../engine/projection.ts";
import type { Sql } from "../../engine/store.ts";
import { linkAdded } from "../links/events.ts";
import { type Adopted, adoptRows, adoptSubjects } from "../shared/adopt.ts";
import { firstOfEach, lastOfEach } from "../shared/of-each.ts";
import { knownIn, park } from "../shared/parking.ts";
import { annotationAdded } from "./events.ts";

const noteOf = (event: Added) => event.payload.annotation_id;

type Added = StoredEvent<PayloadOf<typeof annotationAdded>>;

/** Notes and highlights; one on a link that is not known yet waits for it. */
export const annotationsProjection: Projection = {
  name: "annotations",
  tables: ["annotations"],
  subjects: ["annotation"],
  // Links are written by their own projection; here their arrival only frees what waited for them.
  handlers: [on(annotationAdded, applyAdded), on(stateAdopted, applyAdopted), on(linkAdded, async () => undefined)],
};

async function applyAdded(events: readonly Added[], tx: Sql): Promise<readonly Parked[]> {
  const links = [...new Set(events.map((event) => event.payload.link_subject_id))];
  const { present, parked } = park(events, (event) => event.payload.link_subject_id, await knownIn("links", links, tx));
  const rows = lastOfEach(present, noteOf);
  const since = new Map(firstOfEach(present, noteOf).map((event) => [noteOf(event), event.occurredAt]));
  const sinceOf = (event: Added) => since.get(noteOf(event)) ?? event.occurredAt;
  await tx`
    insert into lifestream.subjects (subject, subject_id, created_at, visibility)
    select distinct on (id) 'annotation', id, at, visibility
    from unnest(${rows.map((e) => e.subjectId)}::text[], ${rows.map(sinceOf)}::timestamptz[],
      ${rows.map((e) => e.payload.visibility ?? "private")}::text[]) as n(id, at, visibility)
    on conflict (subject, subject_id) do nothing`;
  await tx`
    insert into lifestream.annotations as a
      (annotation_id, subject_id, link_subject_id, created_at, updated_at, quote, note, selector, visibility, position)
    select annotation_id, subject_id, link_subject_id, since, at, quote, note, selector::jsonb, visibility, position
    from unnest(${rows.map((e) => e.payload.annotation_id)}::uuid[], ${rows.map((e) => e.subjectId)}::text[],
      ${rows.map((e) => e.payload.link_subject_id)}::text[], ${rows.map(sinceOf)}::timestamptz[],
      ${rows.map((e) => e.occurredAt)}::timestamptz[],
      ${rows.map((e) => e.payload.quote ?? null)}::text[], ${rows.map((e) => e.payload.note ?? null)}::text[],
      ${rows.map((e) => JSON.stringify(e.payload.selector ?? {}))}::text[],
      ${rows.map((e) => e.payload.visibility ?? "private")}::text[], ${rows.map((e) => e.position ?? 0)}::bigint[])
      as n(annotation_id, subject_id, link_subject_id, since, at, quote, note, selector, visibility, position)
    on conflict (annotation_id) do update set
      quote = excluded.quote, note = excluded.note, selector = excluded.selector, visibility = excluded.visibility,
      updated_at = excluded.updated_at, position = excluded.position
    where a.position <= excluded.position`;
  return parked;
}

/** Annotations as another program left them, unless a later event is known. */
async function applyAdopted(all: readonly Adopted[], tx: Sql): Promise<readonly Parked[]> {
  const subjects = all.filter((event) => event.subject === "annotation");
  const told = subjects.filter((event) => event.payload.rows.annotations);
  await adoptSubjects(
    subjects.filter((event) => !event.payload.rows.annotations),
    tx,
  );
  const links = await knownIn("links", [...new Set(told.map(linkOf))], tx);
  const { present, parked } = park(told, linkOf, links);
  const newer = await tx<{ id: string; position: number }[]>`
    select annotation_id as id, position from lifestream.annotations
    where annotation_id = any(${present.map((event) => String(rowOf(event).annotation_id))}::uuid[])`;
  const positions = new Map(newer.map((row) => [row.id, row.position]));
  const events = present.filter(
    (event) => (positions.get(String(rowOf(event).annotation_id)) ?? -1) < (event.position ?? 0),
  );
  if (events.length === 0) return parked;
  await adoptSubjects(events, tx);
  await adoptRows("annotations", events, tx, tx`t.annotation_id = (n.told->>'annotation_id')::uuid`);
  await tx`
    update lifestream.annotations a set position = n.position
    from unnest(${events.map((e) => String(rowOf(e).annotation_id))}::uuid[],
      ${events.map((e) => e.position ?? 0)}::bigint[]) as n(annotation_id, position)
    where a.annotation_id = n.annotation_id`;
  return parked;
}

const rowOf = (event: Adopted) => event.payload.rows.annotations ?? {};
const linkOf = (event: Adopted) => String(rowOf(event).link_subject_id);
