import type { Sql } from "../engine/store.ts";
import { compareLinks } from "./compare-links.ts";
import { compareAnnotations, compareLatestReadings, compareReadings, compareTodos } from "./compare-others.ts";
import { brieflyOf, FUNCTIONS, type Live, liveRows } from "./comparison.ts";
import type { Unreadable } from "./fold.ts";
import type { Shadow } from "./shadow.ts";

/** Kinds of subject that state tables are kept of. */
const KINDS = ["link", "sensor", "todo", "annotation"];

/**
 * What the ledger does not give: live rows are compared with those that a fold of it left in the shadow, one statement
 * for each kind, and each difference becomes an event in `pg_temp.adoption_events`. What no event can say goes to
 * `pg_temp.adoption_problems`.
 */
export async function compare(tx: Sql, shadow: Shadow, unreadable: readonly Unreadable[]): Promise<void> {
  for (const table of shadow.tables) await tx`analyze ${tx(`pg_temp.${table}`)}`;
  await tx.unsafe(FUNCTIONS);
  const live = liveRows(tx, shadow);
  await rememberRefused(tx, unreadable);
  await withoutPlace(tx);
  await compareLinks(tx, live, await brieflyOf(tx, ["link_content", "link_metadata"], shadow));
  await compareReadings(tx, live);
  await compareLatestReadings(tx, live);
  await compareTodos(tx, live);
  await compareAnnotations(tx, live);
  await otherSubjects(tx, live);
  await unreadableEvents(tx);
}

/** Rows that no event can be about. */
async function withoutPlace(tx: Sql): Promise<void> {
  await tx`
    insert into pg_temp.adoption_problems
    select 'links', url_norm, 'it has no subject id' from lifestream.links where subject_id = ''
    union all select 'todos', title, 'it has no subject id' from lifestream.todos where subject_id = ''
    union all select 'annotations', annotation_id::text, 'it has no subject id' from lifestream.annotations
      where subject_id = ''
    union all select 'temperature_readings', occurred_at::text, 'it has no subject id'
      from lifestream.temperature_readings where subject_id = ''
    union all select 'link_content', '', 'it has no subject id' from lifestream.link_content where subject_id = ''
    union all select 'link_metadata', '', 'it has no subject id' from lifestream.link_metadata where subject_id = ''
    union all select 'publish_state', '', 'it has no subject id' from lifestream.publish_state where subject_id = ''
    union all select 'temperature_latest', '', 'it has no subject id' from lifestream.temperature_latest
      where subject_id = ''
    union all select 'subjects', subject || ' ', 'it has no subject id' from lifestream.subjects
      where subject = any(${KINDS}::text[]) and subject_id = ''
    union all select 'subjects', subject || ' ' || subject_id, 'no domain keeps subjects of this kind'
      from lifestream.subjects where subject <> all(${KINDS}::text[])`;
}

/** Subjects of which there is nothing else, or, as with sensors, of which the rest is said by itself. */
async function otherSubjects(tx: Sql, live: Live): Promise<void> {
  await tx`
    insert into pg_temp.adoption_events (subject, subject_id, key, payload)
    select s.subject, s.subject_id, 'subject', jsonb_build_object('settled', false, 'rows',
      jsonb_build_object('subjects', told.subject))
    from lifestream.subjects s left join pg_temp.subjects f using (subject, subject_id)
    cross join lateral (select pg_temp.told(${live("subjects", "s")}, ${live("subjects", "f")}) as subject offset 0) as told
    where s.subject = any(${KINDS}::text[]) and s.subject_id <> '' and told.subject is not null
      and not exists (select from pg_temp.adoption_events e
        where e.subject = s.subject and e.subject_id = s.subject_id and e.payload->'rows' ? 'subjects')
    order by s.created_at, s.subject_id`;
}

async function rememberRefused(tx: Sql, unreadable: readonly Unreadable[]): Promise<void> {
  await tx`
    insert into pg_temp.adoption_refused
    select * from unnest(${unreadable.map(({ id }) => id)}::uuid[], ${unreadable.map(({ reason }) => reason)}::text[])`;
}

/** Events that the stages will set aside; those of a subject that was adopted are passed over, and are no problem. */
async function unreadableEvents(tx: Sql): Promise<void> {
  await tx`
    insert into pg_temp.adoption_problems
    select 'events', u.id::text, u.reason
    from pg_temp.adoption_refused u join lifestream.events e on e.id = u.id
    where not exists (select from pg_temp.adoption_events a
      where a.subject = e.subject and a.subject_id = e.subject_id and a.payload->'settled' = 'true')`;
}
