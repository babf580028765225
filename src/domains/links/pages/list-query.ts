import type { StoredEvent } from "../../../engine/event.ts";
import type { Sql } from "../../../engine/store.ts";
import type { WorkStatus } from "../../../engine/work.ts";
import { foldLink } from "../fold.ts";
import type { Visibility } from "../subject.ts";
import { enrichLink, fetchLink, publishLink } from "../work.ts";

export const LINK_STATUSES = ["new", "fetched", "enriched", "published", "error"] as const;
export type LinkStatus = (typeof LINK_STATUSES)[number];

/** The work that says where a link stands: what is under way, else the last that failed for good. */
export interface OpenWork {
  readonly type: string;
  readonly status: WorkStatus;
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly nextAttemptAt: string;
  readonly error: string | null;
}

/** A link as lists show it. */
export interface LinkSummary {
  readonly subjectId: string;
  readonly url: string;
  readonly title: string | null;
  readonly summary: string | null;
  readonly tags: readonly string[];
  readonly language: string | null;
  readonly status: LinkStatus;
  readonly visibility: Visibility;
  readonly source: string | null;
  readonly addedAt: string;
  readonly publishedAt: string | null;
  readonly lastError: string | null;
  readonly work: OpenWork | null;
}

export interface LinkPage {
  readonly links: readonly LinkSummary[];
  /** Where the next page begins; null: this is the last. */
  readonly next: string | null;
}

const PAGE_SIZE = 30;
/** Of work that is under way at once, the earliest step says where a link stands. */
const STEPS = [fetchLink.type, enrichLink.type, publishLink.type];

/** Links, newest first, from a cursor on; the same however many are added meanwhile. */
export async function listLinks(
  sql: Sql,
  { status, after }: { status?: LinkStatus | undefined; after?: string | null },
): Promise<LinkPage> {
  const cursor = after ? decodeCursor(after) : null;
  const rows = await sql<LinkSummary[]>`
    select ${columns(sql)} ${from(sql)}
    where ${status ? sql`l.status = ${status}` : sql`true`}
      and ${cursor ? sql`(l.created_at, l.subject_id) < (${cursor.at}::timestamptz, ${cursor.id})` : sql`true`}
    order by l.created_at desc, l.subject_id desc limit ${PAGE_SIZE + 1}`;
  const links = rows.slice(0, PAGE_SIZE);
  const last = links.at(-1);
  return { links, next: rows.length > PAGE_SIZE && last ? encodeCursor(last) : null };
}

/** One link; null where there is none. */
export async function findLink(sql: Sql, subjectId: string): Promise<LinkSummary | null> {
  const [row] = await sql<LinkSummary[]>`select ${columns(sql)} ${from(sql)} where l.subject_id = ${subjectId}`;
  return row ?? null;
}

/** A link that is in the ledger only; null where its events do not add it. */
export function summaryOf(events: readonly StoredEvent[]): LinkSummary | null {
  const link = foldLink(events, "private");
  if (!link) return null;
  const { subjectId, url, tags, language, visibility, addedAt } = link;
  const none = { title: null, summary: null, source: null, publishedAt: null, lastError: null, work: null };
  return { ...none, subjectId, url, tags, language, visibility, addedAt, status: "new" };
}

/** How many links have each status. */
export async function countByStatus(sql: Sql): Promise<ReadonlyMap<string, number>> {
  const rows = await sql<{ status: string; count: number }[]>`
    select status, count(*) as count from lifestream.links group by 1`;
  return new Map(rows.map((row) => [row.status, row.count]));
}

function columns(sql: Sql) {
  return sql`l.subject_id as "subjectId", l.url, c.title, m.summary_short as summary, coalesce(m.tags, '{}') as tags,
    m.language, l.status, l.visibility, l.source, l.created_at as "addedAt", p.last_published_at as "publishedAt",
    l.last_error as "lastError", w.work`;
}

function from(sql: Sql) {
  return sql`from lifestream.links l
    left join lifestream.link_content c using (subject_id)
    left join lifestream.link_metadata m using (subject_id)
    left join lifestream.publish_state p using (subject_id)
    left join lateral (
      select jsonb_build_object('type', work_type, 'status', status, 'attempt', attempt - attempts_before, 'maxAttempts', max_attempts,
        'nextAttemptAt', to_char(next_attempt_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
        'error', last_error) as work
      from lifestream.work where subject_id = l.subject_id and status not in ('done', 'discarded')
        and (status <> 'dead' or l.status = 'error')
      order by status = 'dead', array_position(${STEPS}::text[], work_type), created_at desc limit 1) w on true`;
}

function encodeCursor({ addedAt, subjectId }: LinkSummary): string {
  return Buffer.from(JSON.stringify([addedAt, subjectId])).toString("base64url");
}

/** A cursor somebody made up starts at the beginning. */
function decodeCursor(text: string): { at: string; id: string } | null {
  try {
    const [at, id] = JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
    return typeof at === "string" && typeof id === "string" && !Number.isNaN(Date.parse(at)) ? { at, id } : null;
  } catch {
    return null;
  }
}
