import type { StoredEvent } from "../../engine/event.ts";
import type { Sql } from "../../engine/store.ts";
import type { WorkDefinition } from "../../engine/work.ts";
import { contentHash } from "./content-hash.ts";
import { contentFetched } from "./events.ts";
import type { LinkStatus } from "./pages/list-query.ts";
import { enrichLink, fetchLink, publishLink } from "./work.ts";

/** A link that is not published, and that nothing is done about. */
export interface StuckLink {
  readonly subjectId: string;
  readonly url: string;
  readonly status: LinkStatus;
  readonly hasContent: boolean;
  readonly hasMetadata: boolean;
  /** How many pieces of work it has had, by type. */
  readonly had: Readonly<Record<string, number>>;
}

const LIMIT = 1_000;

/**
 * Links short of published without work that is open, given up or discarded. `unhandled`: whether a stage has yet to
 * handle an event of the link `l`; then it is only under way.
 */
export async function findStuckLinks(sql: Sql, unhandled: ReturnType<Sql>): Promise<StuckLink[]> {
  return sql<StuckLink[]>`
    select l.subject_id as "subjectId", l.url, l.status, c.subject_id is not null and c.fetch_error is null as "hasContent",
      m.subject_id is not null as "hasMetadata", coalesce((select jsonb_object_agg(work_type, n) from (
        select work_type, count(*) as n from lifestream.work w where w.subject_id = l.subject_id group by 1) h), '{}') as had
    from lifestream.links l
    left join lifestream.link_content c using (subject_id)
    left join lifestream.link_metadata m using (subject_id)
    where l.status in ('new', 'fetched', 'enriched', 'error')
      and not exists (select 1 from lifestream.work w where w.subject_id = l.subject_id and w.status <> 'done')
      and not ${unhandled}
    order by l.created_at limit ${LIMIT}`;
}

/** The work that takes a link on from where it stands. */
export function nextStep(link: StuckLink, events: readonly StoredEvent[]) {
  const content = events.findLast(({ type, payload }) => type === contentFetched.type && !payload.fetch_error);
  if (link.hasMetadata) return step(publishLink, {}, link);
  if (!link.hasContent || !content) return step(fetchLink, { url: link.url }, link);
  return step(enrichLink, { content_event_id: content.id, content_hash: contentHash(content.payload) }, link);
}

function step({ type }: Pick<WorkDefinition, "type">, payload: Record<string, unknown>, { had, subjectId }: StuckLink) {
  return { type, subject: "link", subjectId, payload, nth: had[type] ?? 0 };
}
