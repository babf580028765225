import type { StoredEvent } from "../../engine/event.ts";
import type { Sql } from "../../engine/store.ts";
import { type Adopted, adoptRows, adoptSubjects } from "../shared/adopt.ts";
import { addToCatalog } from "./recompute.ts";

/** Links as another program left them. What is adopted already is left alone: later events have moved it on since. */
export async function applyAdopted(all: readonly Adopted[], tx: Sql): Promise<undefined> {
  const events = await notYetAdopted(
    all.filter((event) => event.subject === "link"),
    tx,
  );
  if (events.length === 0) return;
  await adoptSubjects(events, tx);
  for (const table of ["links", "link_content", "link_metadata", "publish_state"]) await adoptRows(table, events, tx);
  const links = events.filter((event) => event.payload.rows.links);
  await rememberAdoption(links, tx);
  await addToCatalog(links, tagsOf, tx);
}

async function notYetAdopted(events: readonly Adopted[], tx: Sql): Promise<Adopted[]> {
  const rows = await tx<{ id: string }[]>`
    select n.id from unnest(${events.map((event) => event.id)}::uuid[],
      ${events.map((event) => event.subjectId)}::text[], ${events.map((event) => event.position ?? 0)}::bigint[])
      as n(id, subject_id, position)
    where not exists (
      select from lifestream.links l where l.subject_id = n.subject_id and l.adopted_position >= n.position)`;
  const ids = new Set(rows.map((row) => row.id));
  return events.filter((event) => ids.has(event.id));
}

/** From here on these links are as recent as their adoption, whatever came before. */
async function rememberAdoption(links: readonly Adopted[], tx: Sql): Promise<void> {
  const subjects = links.map(({ payload }) => payload.rows.subjects ?? {});
  const told = (name: string) => subjects.map((row) => (row[name] as string | undefined) ?? null);
  const n = tx`unnest(${links.map((event) => event.subjectId)}::text[],
    ${links.map((event) => event.position ?? 0)}::bigint[], ${told("created_at")}::timestamptz[],
    ${told("visibility")}::text[]) as n(subject_id, position, subject_added_at, subject_visibility)`;
  await tx`
    update lifestream.links l set
      adopted_position = n.position, adopted_status = nullif(l.status, 'error'), first_added_at = l.created_at,
      first_url = l.url, first_source = l.source, subject_added_at = n.subject_added_at,
      subject_visibility = n.subject_visibility, visibility_set = l.visibility, visibility_position = n.position,
      failure_position = case when l.failed_work is null then 0 else n.position end
    from ${n} where l.subject_id = n.subject_id`;
  await tx`update lifestream.link_content c set position = n.position from ${n} where c.subject_id = n.subject_id`;
  await tx`update lifestream.link_metadata m set position = n.position from ${n} where m.subject_id = n.subject_id`;
}

function tagsOf(event: StoredEvent): string[] {
  const { rows } = event.payload as Adopted["payload"];
  return (rows.link_metadata?.tags as string[] | null | undefined) ?? [];
}
