import type { Sql } from "../engine/store.ts";
import { type Left, leftWork } from "./work.ts";

/** What an adoption does, or would do. */
export interface AdoptionReport {
  /** Events to append, by kind. */
  readonly events: readonly { readonly type: string; readonly subject: string; readonly count: number }[];
  /** Links whose way is not at its end; `asked`: a person has to ask for the next step. */
  readonly left: readonly Left[];
  /** What no event can say, or no program can read: each row. */
  readonly problems: readonly { readonly table: string; readonly key: string; readonly reason: string }[];
  /** Links that an event made private and that are public all the same: they were shared again since. They stay so. */
  readonly exposed: readonly { readonly subjectId: string; readonly url: string }[];
  /** Rows that the ledger tells of and the tables do not have: the stages add them. */
  readonly missing: readonly { readonly table: string; readonly rows: number }[];
  /** Links that sharing them again has set back although they are published: the stages set them right. */
  readonly setBack: number;
}

/** Sums up what `compare` found. */
export async function reportOf(tx: Sql): Promise<AdoptionReport> {
  const events = await tx<AdoptionReport["events"][number][]>`
    select event_type as type, subject, count(*) as count from pg_temp.adoption_events group by 1, 2 order by 1, 2`;
  const problems = await tx<AdoptionReport["problems"][number][]>`
    select table_name as table, key, reason from pg_temp.adoption_problems order by 1, 3, 2`;
  const exposed = await tx<AdoptionReport["exposed"][number][]>`
    select l.subject_id as "subjectId", l.url from lifestream.links l join pg_temp.links f using (subject_id)
    where l.visibility = 'public' and f.visibility_set = 'private' and f.visibility_position > 0 order by l.created_at`;
  const missing = await tx<AdoptionReport["missing"][number][]>`
    select * from (
      select 'links' as table, count(*) as rows from pg_temp.links f
      where not exists (select from lifestream.links l where l.subject_id = f.subject_id)
        and not exists (select from lifestream.links l where l.url_norm = f.url_norm)
      union all select 'todos', count(*) from pg_temp.todos f
      where not exists (select from lifestream.todos t where t.subject_id = f.subject_id)
      union all select 'temperature_readings', count(*) from pg_temp.temperature_readings f
      where not exists (select from lifestream.temperature_readings r
        where r.subject_id = f.subject_id and r.occurred_at = f.occurred_at)
      union all select 'annotations', count(*) from pg_temp.annotations f
      where not exists (select from lifestream.annotations a where a.annotation_id = f.annotation_id)) as m
    where rows > 0`;
  const [back] = await tx<{ links: number }[]>`
    select count(*) as links from lifestream.links l join lifestream.link_metadata m using (subject_id)
    join lifestream.publish_state p using (subject_id)
    where l.status in ('new', 'fetched', 'enriched') and p.last_published_at is not null and not p.dirty`;
  return { events, problems, exposed, missing, setBack: back?.links ?? 0, left: await leftWork(tx) };
}
