import type { StoredEvent } from "../../engine/event.ts";
import type { Sql } from "../../engine/store.ts";

/** Bytes of a tag that the vocabulary takes: another program's may be longer than what Postgres keeps in an index. */
const LONGEST_TAG = 500;

/** Links of different partitions come in any order: the earliest sighting of a tag counts, not the first applied. */
export async function addToCatalog(
  events: readonly StoredEvent[],
  tagsOf: (event: StoredEvent) => string[],
  tx: Sql,
): Promise<void> {
  const seen = events.flatMap((event) => tagsOf(event).map((tag) => ({ tag, at: event.occurredAt })));
  const added = await tx`
    insert into lifestream.tag_catalog as c (tag, first_seen)
    select tag, min(at) from unnest(${seen.map(({ tag }) => tag)}::text[], ${seen.map(({ at }) => at)}::timestamptz[])
      as s(tag, at)
    where octet_length(tag) <= ${LONGEST_TAG}
      -- What a conflict would leave as it is would be locked all the same, for as long as the whole batch takes.
      and not exists (select from lifestream.tag_catalog k where k.tag = s.tag and k.first_seen <= s.at)
    group by tag order by tag
    on conflict (tag) do update set first_seen = excluded.first_seen, sent_at = null
    where c.first_seen > excluded.first_seen returning 1`;
  if (added.length > 0) await tx`select pg_notify('lifestream_catalog', '')`;
}

/** How far a link can be, in order. */
const STEPS = ["new", "fetched", "enriched", "published"];

/**
 * Status, visibility, age and origin follow from the facts: other writers set them too, and are corrected here. What was
 * adopted stays as it was until a later fact moves it, but for a finished link that was only set back by sharing it again.
 */
export async function recompute(ids: readonly string[], tx: Sql): Promise<void> {
  await tx`
    with facts as (
      select l.subject_id,
        case when l.failed_work is not null or c.fetch_error is not null then 'error'
             when p.last_published_at is not null and not p.dirty then 'published'
             when m.subject_id is not null then 'enriched'
             when c.subject_id is not null then 'fetched'
             else 'new' end as status,
        l.adopted_status is not null and l.failed_work is null
          and greatest(c.position, m.position, case when p.dirty then p.desired_version end, 0) <= l.adopted_position
          as as_adopted,
        m.subject_id is not null as tagged, l.adopted_status,
        coalesce(l.visibility_set, l.visibility) as visibility,
        coalesce(l.first_added_at, l.created_at) as created_at,
        coalesce(l.first_url, l.url) as url,
        case when l.first_added_at is null then l.source else l.first_source end as source
      from lifestream.links l
      left join lifestream.link_content c using (subject_id)
      left join lifestream.link_metadata m using (subject_id)
      left join lifestream.publish_state p using (subject_id)
      where l.subject_id = any(${ids as string[]})),
    now as (
      select subject_id, visibility, created_at, url, source,
        case when as_adopted and not tagged then adopted_status
             when as_adopted and ${rankOf(tx, "adopted_status", STEPS.length + 1)} > ${rankOf(tx, "status", 0)}
          then adopted_status else status end as status
      from facts)
    update lifestream.links l
    set status = now.status, visibility = now.visibility, created_at = now.created_at, url = now.url, source = now.source
    from now
    where l.subject_id = now.subject_id
      and (l.status, l.visibility, l.created_at, l.url, l.source)
        is distinct from (now.status, now.visibility, now.created_at, now.url, now.source)`;
  await tx`
    update lifestream.links l
    set last_error = c.fetch_error, last_error_at = case when c.fetch_error is not null then c.fetched_at end
    from lifestream.link_content c
    where l.subject_id = any(${ids as string[]}) and c.subject_id = l.subject_id
      and l.failed_work is null and c.position > coalesce(l.adopted_position, -1)
      and (c.fetch_error is not null or l.last_error is not null)`;
}

/**
 * Their rows among the subjects, as the facts have them: whoever saves a link by its tables sets these too, before its
 * event comes. Links that were just added or decided about.
 */
export async function recomputeSubjects(ids: readonly string[], tx: Sql): Promise<void> {
  await tx`
    update lifestream.subjects s
    set created_at = coalesce(l.subject_added_at, s.created_at), visibility = coalesce(l.subject_visibility, s.visibility)
    from lifestream.links l
    where s.subject = 'link' and s.subject_id = any(${ids as string[]}) and l.subject_id = s.subject_id
      and (s.created_at, s.visibility) is distinct from
        (coalesce(l.subject_added_at, s.created_at), coalesce(l.subject_visibility, s.visibility))`;
}

/** Which step a status is, from 1; one that is none of them has a rank of its own. */
function rankOf(tx: Sql, column: "adopted_status" | "status", otherwise: number) {
  return tx`coalesce(array_position(${STEPS}::text[], ${tx(column)}), ${otherwise})`;
}
