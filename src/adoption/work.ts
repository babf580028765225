import { contentHash } from "../domains/links/content-hash.ts";
import { enrichKey, fetchKey } from "../domains/links/routes.ts";
import { unwrap } from "../engine/decode.ts";
import type { Payload } from "../engine/event.ts";
import { workId } from "../engine/ids.ts";
import type { Registry } from "../engine/registry.ts";
import type { Sql } from "../engine/store.ts";
import { MAX_ATTEMPTS } from "../engine/work.ts";
import { planWork } from "../pipeline/router.ts";
import { readable } from "./fold.ts";
import { ledgerBatches } from "./ledger-batches.ts";
import { withoutRefused } from "./refused.ts";

type WorkType = "fetch_link" | "enrich_link" | "publish_link";

/** How far an adopted link is. */
interface Standing {
  subject_id: string;
  url: string;
  /** The event that adopted it. */
  event_id: string;
  /** What comes next for it; null: nothing, it is finished. */
  next: WorkType | null;
  /** Why that was not done; null: nobody has tried. */
  reason: string | null;
  /** The event that holds what it is to be enriched from. */
  content_event_id: string | null;
}

/** A row of the registry. */
interface Entry {
  readonly id: string;
  readonly type: string;
  readonly subjectId: string;
  readonly eventId: string;
  readonly payload: Payload;
  readonly status: "done" | "dead" | "pending";
  readonly reason: string | null;
}

const CHUNK = 5_000;

/**
 * Enters the work on adopted links into the registry. What was done is done, so that sharing a link again does not read
 * it again; what the first system gave up or left behind is given up, with the reason, for a person to redrive; what
 * nobody has tried is due.
 */
export async function enterWork(tx: Sql, registry: Registry): Promise<void> {
  await tx`declare adopted_links no scroll cursor for ${standings(tx)}`;
  for (;;) {
    const links = await tx<Standing[]>`fetch ${tx.unsafe(String(CHUNK))} from adopted_links`;
    if (links.length === 0) break;
    const contents = await contentsOf(links, tx);
    await insert(
      links.flatMap((link) => entriesOf(link, contents)),
      tx,
    );
  }
  await tx`close adopted_links`;
  await giveUpStrays(tx, registry);
}

/** What events of unknown links ask for: nobody can do it, and a person can see why. */
async function giveUpStrays(tx: Sql, registry: Registry): Promise<void> {
  const places = tx`
    select e.id, position, pg_column_size(payload) as size
    from lifestream.events e join pg_temp.adoption_strays using (id) order by position`;
  for await (const rows of ledgerBatches(tx, places)) {
    const events = rows.flatMap((row) => readable(row, registry, []));
    const given = planWork(events, registry).map(
      ({ id, type, subjectId, triggeredByEventId, payload }): Entry => ({
        id,
        type,
        subjectId,
        eventId: triggeredByEventId,
        payload,
        status: "dead",
        reason: "nothing is known of its link",
      }),
    );
    // What Postgres refuses here it refuses the router too.
    await withoutRefused(tx, given, insert);
  }
}

/** A link whose way is not at its end, and why; `asked`: a person has to ask for the next step. */
export interface Left {
  readonly subjectId: string;
  readonly next: WorkType;
  readonly asked: boolean;
  readonly reason: string;
}

/** Work that is left to do on adopted links. */
export async function leftWork(tx: Sql): Promise<Left[]> {
  return tx<Left[]>`
    select subject_id as "subjectId", next, reason is not null as asked, coalesce(reason, 'nobody has tried') as reason
    from (${standings(tx)}) as s where next is not null order by next, reason, subject_id`;
}

function standings(tx: Sql) {
  return tx`
    with link as (
      select e.id as event_id, e.subject_id, coalesce(l.url, f.url) as url, coalesce(l.status, f.status) as status,
        l.retry_count, l.last_error, coalesce(c.fetch_error, fc.fetch_error) as fetch_error,
        coalesce(m.subject_id, fm.subject_id) is not null as tagged, coalesce(c.subject_id, fc.subject_id) is not null as read,
        coalesce(p.last_published_at, fp.last_published_at) is not null as shown
      from pg_temp.adoption_events e
      left join lifestream.links l on l.subject_id = e.subject_id
      left join lifestream.link_content c on c.subject_id = l.subject_id
      left join lifestream.link_metadata m on m.subject_id = l.subject_id
      left join lifestream.publish_state p on p.subject_id = e.subject_id
      left join pg_temp.links f on l.subject_id is null and f.subject_id = e.subject_id
      left join pg_temp.link_content fc on fc.subject_id = f.subject_id
      left join pg_temp.link_metadata fm on fm.subject_id = f.subject_id
      left join pg_temp.publish_state fp on fp.subject_id = f.subject_id
      where e.subject = 'link' and e.key = ''),
    far as (
      select *, case when status = 'published' or status <> 'error' and tagged and shown then null
             when tagged then 'publish_link'
             when read and fetch_error is null then 'enrich_link'
             else 'fetch_link' end as next
      from link)
    select far.subject_id, far.url, far.event_id, far.next, cause.id as content_event_id,
      coalesce(failure.error, far.last_error, far.fetch_error, case
        when far.next is null then null
        when far.status = 'error' or far.retry_count > 0
          or far.next <> 'publish_link' and (cause.published_to_kafka or cause.id is null)
          then 'the first system left it at "' || far.status || '"' end) as reason
    from far
    left join lateral (
      select id, published_to_kafka from lifestream.events e
      where far.next is not null and e.subject = 'link' and e.subject_id = far.subject_id
        and e.event_type = case far.next when 'fetch_link' then 'link.added' when 'enrich_link' then 'content.fetched' end
        and coalesce(e.payload ->> 'fetch_error', '') = '' and e.id not in (select id from pg_temp.adoption_refused)
      order by received_at desc limit 1) as cause on true
    left join lateral (
      select e.payload ->> 'error' as error from lifestream.events e
      where far.next is not null and e.subject = 'link' and e.subject_id = far.subject_id
        and e.event_type = 'work.failed'
        and coalesce(e.payload -> 'work_message' ->> 'work_type', far.next) = far.next
      order by received_at desc limit 1) as failure on true`;
}

/** Payloads of the events that links are to be enriched from. */
async function contentsOf(links: readonly Standing[], tx: Sql): Promise<Map<string, Payload>> {
  const ids = links.flatMap((link) => (link.next === "enrich_link" ? (link.content_event_id ?? []) : []));
  const rows = await tx<{ id: string; payload: Payload | string }[]>`
    select id, payload from lifestream.events where id = any(${ids}::uuid[])`;
  return new Map(rows.map(({ id, payload }) => [id, unwrap(payload)]));
}

function entriesOf(link: Standing, contents: ReadonlyMap<string, Payload>): Entry[] {
  const { subject_id: subjectId, event_id: eventId, url, reason } = link;
  const content = contents.get(link.content_event_id ?? "");
  // What the page said is in no event: it is read again.
  const next = link.next === "enrich_link" && !content ? "fetch_link" : link.next;
  const open = { status: reason === null ? "pending" : "dead", reason } as const;
  const entry = (type: WorkType, key: string, payload: Payload) => ({
    id: workId(type, key),
    type,
    subjectId,
    eventId,
    payload,
  });
  const fetch = entry("fetch_link", fetchKey(subjectId), { url });
  if (next === "fetch_link") return [{ ...fetch, ...open }];
  const fetched: Entry = { ...fetch, status: "done", reason: null };
  if (next === "publish_link") return [fetched, { ...entry(next, eventId, {}), ...open }];
  if (next === null || !content) return [fetched];
  const payload = { content_event_id: link.content_event_id, content_hash: contentHash(content) };
  return [fetched, { ...entry("enrich_link", enrichKey(subjectId, content), payload), ...open }];
}

async function insert(work: readonly Entry[], tx: Sql): Promise<void> {
  await tx`
    insert into lifestream.work (id, work_type, subject, subject_id, status, max_attempts, finished_at, last_error,
      error_class, correlation_id, triggered_by_event_id, payload)
    select id, type, 'link', subject_id, status, ${MAX_ATTEMPTS}, case when status <> 'pending' then now() end, reason,
      case when status = 'dead' then 'left_by_first_system' end, event_id, event_id, payload::jsonb
    from unnest(${work.map(({ id }) => id)}::uuid[], ${work.map(({ type }) => type)}::text[],
      ${work.map(({ subjectId }) => subjectId)}::text[], ${work.map(({ status }) => status)}::text[],
      ${work.map(({ reason }) => reason)}::text[], ${work.map(({ eventId }) => eventId)}::uuid[],
      ${work.map(({ payload }) => JSON.stringify(payload))}::text[])
      as n(id, type, subject_id, status, reason, event_id, payload)
    on conflict (id) do nothing`;
}
