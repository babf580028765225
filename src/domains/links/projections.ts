import { stateAdopted } from "../../engine/adopted.ts";
import type { PayloadOf, StoredEvent } from "../../engine/event.ts";
import { on, type Parked, type Projection } from "../../engine/projection.ts";
import type { Sql } from "../../engine/store.ts";
import { workFailed } from "../../engine/work-failed.ts";
import { firstOfEach, lastOfEach } from "../shared/of-each.ts";
import { knownIn, park } from "../shared/parking.ts";
import { applyAdopted } from "./adopted.ts";
import {
  contentFetched,
  enrichmentCompleted,
  linkAdded,
  linkCleaned,
  linkVisibilityChanged,
  publishCompleted,
} from "./events.ts";
import { addToCatalog, recompute, recomputeSubjects } from "./recompute.ts";
import { normalizeUrl, type Visibility } from "./subject.ts";

type Events<P extends Record<string, unknown> = Record<string, unknown>> = readonly StoredEvent<P>[];

const positions = (events: Events) => events.map((event) => event.position ?? 0);
const subjectIds = (events: Events) => [...new Set(events.map((event) => event.subjectId))];

const latest = <P extends Record<string, unknown>>(events: Events<P>) => lastOfEach(events, (event) => event.subjectId);

/** State of links. Status and visibility are recomputed from the facts whenever some of a link's events have arrived. */
export function linksProjection(defaultVisibility: Visibility): Projection {
  return {
    name: "links",
    tables: ["links", "link_content", "link_metadata", "publish_state", "tag_catalog"],
    subjects: ["link"],
    notFolded: { tag_catalog: ["sent_at"] },
    handlers: [
      on(linkAdded, (events, tx) => applyAdded(events, tx, defaultVisibility)),
      on(contentFetched, applyContent),
      on(enrichmentCompleted, applyEnrichment),
      on(publishCompleted, applyPublished),
      on(linkVisibilityChanged, applyVisibility),
      on(linkCleaned, applyCleaned),
      on(workFailed, applyFailure),
      on(stateAdopted, applyAdopted),
    ],
    settle: recompute,
  };
}

type Added = PayloadOf<typeof linkAdded>;

async function applyAdded(events: Events<Added>, tx: Sql, defaultVisibility: Visibility): Promise<undefined> {
  const first = firstOfEach(events, (event) => event.subjectId);
  const earliest = Map.groupBy(events, (event) => event.subjectId);
  const addedAt = (id: string) => (earliest.get(id) ?? []).map((event) => event.occurredAt).sort()[0] ?? null;
  await tx`
    insert into lifestream.subjects (subject, subject_id, created_at, visibility)
    select 'link', * from unnest(${first.map((e) => e.subjectId)}::text[], ${first.map((e) => e.occurredAt)}::timestamptz[],
      ${first.map((e) => e.payload.visibility ?? defaultVisibility)}::text[])
    on conflict (subject, subject_id) do nothing`;
  await tx`
    insert into lifestream.links as l (subject_id, url, first_url, url_norm, source, first_source, created_at,
      first_added_at, subject_added_at, visibility, visibility_set, subject_visibility)
    select subject_id, url, url, url_norm, source, source, earliest_at, earliest_at, added_at, visibility, visibility, visibility
    from unnest(
      ${first.map((e) => e.subjectId)}::text[], ${first.map((e) => e.payload.url)}::text[],
      ${first.map((e) => e.payload.url_norm ?? normalizeUrl(e.payload.url))}::text[],
      ${first.map((e) => e.payload.source ?? e.source)}::text[], ${first.map((e) => e.occurredAt)}::timestamptz[],
      ${first.map((e) => addedAt(e.subjectId))}::timestamptz[],
      ${first.map((e) => e.payload.visibility ?? defaultVisibility)}::text[])
      as n(subject_id, url, url_norm, source, added_at, earliest_at, visibility)
    on conflict (subject_id) do update set
      first_url = coalesce(l.first_url, excluded.first_url),
      first_source = case when l.first_added_at is null then excluded.first_source else l.first_source end,
      first_added_at = least(l.first_added_at, excluded.first_added_at),
      subject_added_at = coalesce(l.subject_added_at, excluded.subject_added_at),
      visibility_set = coalesce(l.visibility_set, excluded.visibility_set),
      subject_visibility = coalesce(l.subject_visibility, excluded.subject_visibility)`;
  await setVisibility(
    events.filter((event) => event.payload.visibility),
    tx,
  );
  await recomputeSubjects(subjectIds(events), tx);
}

async function applyContent(events: Events, tx: Sql): Promise<readonly Parked[]> {
  const { present, parked } = await splitByLink(events, tx);
  const rows = latest(present);
  const at = (name: string) => rows.map((event) => (event.payload[name] as string | null | undefined) ?? null);
  await tx`
    insert into lifestream.link_content as c
      (subject_id, final_url, title, text_content, html_storage_key, fetch_error, fetched_at, position)
    select * from unnest(${rows.map((e) => e.subjectId)}::text[], ${at("final_url")}::text[], ${at("title")}::text[],
      ${at("text_content")}::text[], ${at("html_storage_key")}::text[], ${at("fetch_error")}::text[],
      ${rows.map((e) => e.occurredAt)}::timestamptz[], ${positions(rows)}::bigint[])
    on conflict (subject_id) do update set
      final_url = excluded.final_url, title = excluded.title, text_content = excluded.text_content,
      html_storage_key = excluded.html_storage_key, fetch_error = excluded.fetch_error,
      fetched_at = excluded.fetched_at, position = excluded.position
    where c.position <= excluded.position`;
  const good = latest(present.filter((event) => !event.payload.fetch_error));
  await clearFailures(good, ["fetch_link"], tx);
  await wantPublished(good, tx, { create: false });
  return parked;
}

async function applyEnrichment(events: Events, tx: Sql): Promise<readonly Parked[]> {
  const { present, parked } = await splitByLink(events, tx);
  const rows = latest(present);
  const at = (name: string) => rows.map((event) => (event.payload[name] as string | null | undefined) ?? null);
  const tagsOf = (event: StoredEvent) => (event.payload.tags as string[] | null | undefined) ?? [];
  await tx`
    insert into lifestream.link_metadata as m
      (subject_id, tags, summary_short, summary_long, language, model_version, updated_at, position)
    select subject_id, array(select jsonb_array_elements_text(tags::jsonb)), coalesce(short, summary), long, language, model,
      at, position
    from unnest(${rows.map((e) => e.subjectId)}::text[], ${rows.map((e) => JSON.stringify(tagsOf(e)))}::text[],
      ${at("summary_short")}::text[], ${at("summary")}::text[], ${at("summary_long")}::text[], ${at("language")}::text[],
      ${at("model_version")}::text[], ${rows.map((e) => e.occurredAt)}::timestamptz[], ${positions(rows)}::bigint[])
      as n(subject_id, tags, short, summary, long, language, model, at, position)
    on conflict (subject_id) do update set
      tags = excluded.tags, summary_short = excluded.summary_short, summary_long = excluded.summary_long,
      language = excluded.language, model_version = excluded.model_version, updated_at = excluded.updated_at,
      position = excluded.position
    where m.position <= excluded.position`;
  await addToCatalog(present, tagsOf, tx);
  await clearFailures(rows, ["fetch_link", "enrich_link"], tx);
  await wantPublished(rows, tx, { create: true });
  return parked;
}

async function applyPublished(events: Events, tx: Sql): Promise<readonly Parked[]> {
  const { present, parked } = await splitByLink(events, tx);
  // Whoever published last may be the first to say so: each counts.
  await tx`
    insert into lifestream.publish_state as p (subject_id, desired_version, published_version, dirty, last_published_at)
    select subject_id, (array_agg(version order by nth))[1], max(version), max(version) < (array_agg(version order by nth))[1],
      max(at)
    from unnest(${present.map((e) => e.subjectId)}::text[],
      ${present.map((e) => (e.payload.version as number | null | undefined) ?? e.position ?? 0)}::bigint[],
      ${present.map((e) => (e.payload.published_at as string | null | undefined) ?? e.occurredAt)}::timestamptz[])
      with ordinality as n(subject_id, version, at, nth)
    group by subject_id
    on conflict (subject_id) do update set
      published_version = greatest(p.published_version, excluded.published_version),
      dirty = p.desired_version > greatest(p.published_version, excluded.published_version),
      last_published_at = greatest(p.last_published_at, excluded.last_published_at)`;
  await clearFailures(latest(present), ["publish_link"], tx);
  return parked;
}

async function applyVisibility(events: Events, tx: Sql): Promise<readonly Parked[]> {
  const { present, parked } = await splitByLink(events, tx);
  await setVisibility(present, tx);
  await wantPublished(latest(present), tx, { create: false });
  await recomputeSubjects(subjectIds(present), tx);
  return parked;
}

/** Forgets what is to be done anew. What the site shows is out of date, and stays until the new is there. */
async function applyCleaned(events: Events<PayloadOf<typeof linkCleaned>>, tx: Sql): Promise<readonly Parked[]> {
  const { present, parked } = await splitByLink(events, tx);
  const rows = latest(present);
  const read = latest(present.filter((event) => event.payload.scope === "content"));
  await tx`
    delete from lifestream.link_metadata m using unnest(${subjectIds(rows)}::text[], ${positions(rows)}::bigint[])
      as n(subject_id, position) where m.subject_id = n.subject_id and m.position < n.position`;
  await tx`
    delete from lifestream.link_content c using unnest(${subjectIds(read)}::text[], ${positions(read)}::bigint[])
      as n(subject_id, position) where c.subject_id = n.subject_id and c.position < n.position`;
  await tx`
    update lifestream.links set adopted_status = null
    where subject_id = any(${subjectIds(rows)}::text[]) and adopted_status is not null`;
  // The page's own error goes with the page; if it was read again since, its error is set again below.
  await tx`
    update lifestream.links set last_error = null, last_error_at = null
    where subject_id = any(${subjectIds(read)}::text[]) and failed_work is null and last_error is not null`;
  await clearFailures(rows, ["fetch_link", "enrich_link", "publish_link"], tx);
  await wantPublished(rows, tx, { create: false });
  return parked;
}

async function applyFailure(events: Events, tx: Sql): Promise<readonly Parked[]> {
  const { present, parked } = await splitByLink(
    events.filter((event) => event.subject === "link"),
    tx,
  );
  const rows = latest(present);
  const message = (event: StoredEvent) => event.payload.work_message as { work_type: string; attempt: number };
  await tx`
    update lifestream.links l
    set last_error = n.error, last_error_at = n.at, retry_count = n.attempt, failed_work = n.work_type,
      failure_position = n.position
    from unnest(${rows.map((e) => e.subjectId)}::text[], ${rows.map((e) => String(e.payload.error))}::text[],
      ${rows.map((e) => e.occurredAt)}::timestamptz[], ${rows.map((e) => message(e).attempt)}::int[],
      ${rows.map((e) => message(e).work_type)}::text[], ${positions(rows)}::bigint[])
      as n(subject_id, error, at, attempt, work_type, position)
    where l.subject_id = n.subject_id and n.position >= l.failure_position`;
  return parked;
}

/** Links may hold only what belongs to a link they know: the rest is parked until the link comes. */
async function splitByLink(events: Events, tx: Sql): Promise<{ present: StoredEvent[]; parked: Parked[] }> {
  return park(events, (event) => event.subjectId, await knownIn("links", subjectIds(events), tx));
}

/** Takes over what a person decided, unless a later decision is known. */
async function setVisibility(events: Events, tx: Sql): Promise<void> {
  const rows = latest(events);
  await tx`
    update lifestream.links l
    set visibility_set = n.visibility, subject_visibility = n.visibility, visibility_position = n.position
    from unnest(${rows.map((e) => e.subjectId)}::text[], ${rows.map((e) => String(e.payload.visibility))}::text[],
      ${positions(rows)}::bigint[]) as n(subject_id, visibility, position)
    where l.subject_id = n.subject_id and n.position >= l.visibility_position`;
}

/** What the site shows of these links is out of date from this position on. */
async function wantPublished(events: Events, tx: Sql, { create }: { create: boolean }): Promise<void> {
  const ids = events.map((event) => event.subjectId);
  if (create) {
    await tx`insert into lifestream.publish_state (subject_id) select unnest(${ids}::text[]) on conflict do nothing`;
  }
  await tx`
    update lifestream.publish_state p set desired_version = greatest(p.desired_version, n.position),
      dirty = greatest(p.desired_version, n.position) > p.published_version
    from unnest(${ids}::text[], ${positions(events)}::bigint[]) as n(subject_id, position)
    where p.subject_id = n.subject_id`;
}

/** A later success of the same work ends the error. */
async function clearFailures(events: Events, work: readonly string[], tx: Sql): Promise<void> {
  await tx`
    update lifestream.links l set failed_work = null, failure_position = 0, last_error = null, last_error_at = null
    from unnest(${events.map((e) => e.subjectId)}::text[], ${positions(events)}::bigint[]) as n(subject_id, position)
    where l.subject_id = n.subject_id and l.failed_work = any(${work as string[]}) and l.failure_position < n.position`;
}
