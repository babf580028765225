import type { Database } from "./connect.ts";

/** Links that the site is to show: public, and published, also where another program has set the status back since. */
export async function publishedLinks(db: Database): Promise<string[]> {
  const rows = await db<{ subject_id: string }[]>`
    select l.subject_id from lifestream.links l
    left join lifestream.link_metadata m using (subject_id)
    left join lifestream.publish_state p using (subject_id)
    where l.visibility = 'public'
      and (l.status = 'published' or m.subject_id is not null and p.last_published_at is not null)
    order by l.created_at desc`;
  return rows.map((row) => row.subject_id);
}
