import type { Sql } from "../engine/store.ts";
import type { Briefly, Live } from "./comparison.ts";

/** Everything about links. What has lost its address comes first, so that a fold takes it away before it is given. */
export async function compareLinks(tx: Sql, live: Live, briefly: Briefly): Promise<void> {
  await lostAddresses(tx, live);
  await links(tx, live, briefly);
  await lostLinks(tx, live);
  await eventsWithoutLink(tx);
  await publishedWithoutLink(tx, live);
}

/** Two ids for one address: the events of the one that has no row would take the address from the one that has. */
async function lostAddresses(tx: Sql, live: Live): Promise<void> {
  await tx`
    with lost as (
      select f.subject_id, coalesce(l.subject_id, o.subject_id) as holder
      from pg_temp.links f
      left join lifestream.links l on l.url_norm = f.url_norm
      left join lateral (
        select min(o.subject_id) as subject_id from pg_temp.links o
        where o.url_norm = f.url_norm and ${hasNoRow(tx, "o")}) as o on l.subject_id is null
      where ${hasNoRow(tx, "f")} and f.subject_id <> coalesce(l.subject_id, o.subject_id)),
    told as (
      insert into pg_temp.adoption_events (subject, subject_id, key, payload)
      select 'link', lost.subject_id, 'gone', jsonb_build_object('settled', true, 'gone', true, 'rows',
        '{"links": null}' || pg_temp.part('publish_state', coalesce(${live("publish_state", "p")}, pg_temp.told(null, ${live("publish_state", "fp")})))
        || pg_temp.part('subjects', coalesce(${live("subjects", "s")}, pg_temp.told(null, ${live("subjects", "fs")}))))
      from lost
      left join lifestream.publish_state p using (subject_id)
      left join pg_temp.publish_state fp using (subject_id)
      left join lifestream.subjects s on s.subject = 'link' and s.subject_id = lost.subject_id
      left join pg_temp.subjects fs on fs.subject = 'link' and fs.subject_id = lost.subject_id)
    insert into pg_temp.adoption_problems
    select 'links', subject_id, 'its address is that of ' || holder || ', so it has events but no row' from lost`;
}

function hasNoRow(tx: Sql, alias: "f" | "o" | "e" | "p") {
  return tx`not exists (select from lifestream.links own where own.subject_id = ${tx(alias)}.subject_id)`;
}

/**
 * Links that the ledger tells of and the tables have lost: the fold's own rows are adopted, so that they come back as
 * they were, and not by doing all of their work once more.
 */
async function lostLinks(tx: Sql, live: Live): Promise<void> {
  await tx`
    insert into pg_temp.adoption_events (subject, subject_id, key, payload)
    select 'link', f.subject_id, '', jsonb_build_object('settled', true, 'rows',
      jsonb_build_object('links', ${live("links", "f")} || jsonb_build_object('failed_work', f.failed_work))
      || pg_temp.part('subjects', coalesce(${live("subjects", "s")}, ${live("subjects", "fs")}))
      || pg_temp.part('link_content', ${live("link_content", "c")})
      || pg_temp.part('link_metadata', ${live("link_metadata", "m")})
      || pg_temp.part('publish_state', coalesce(${live("publish_state", "p")}, ${live("publish_state", "fp")})))
    from pg_temp.links f
    left join lifestream.subjects s on s.subject = 'link' and s.subject_id = f.subject_id
    left join pg_temp.subjects fs on fs.subject = 'link' and fs.subject_id = f.subject_id
    left join pg_temp.link_content c on c.subject_id = f.subject_id
    left join pg_temp.link_metadata m on m.subject_id = f.subject_id
    left join lifestream.publish_state p on p.subject_id = f.subject_id
    left join pg_temp.publish_state fp on fp.subject_id = f.subject_id
    where ${hasNoRow(tx, "f")} and not exists (
      select from pg_temp.adoption_events e where e.subject_id = f.subject_id and e.key = 'gone')
    order by f.created_at, f.subject_id`;
}

/** Events of links that nothing else is known of: the stages park them, and the work they ask for is not done. */
async function eventsWithoutLink(tx: Sql): Promise<void> {
  await tx`
    with strays as (
      insert into pg_temp.adoption_strays
      select e.id from lifestream.events e
      where e.subject = 'link' and e.subject_id <> '' and not exists (
        select from pg_temp.adoption_events a where a.subject = 'link' and a.subject_id = e.subject_id)
        and ${hasNoRow(tx, "e")} returning id)
    insert into pg_temp.adoption_problems select 'events', id::text, 'nothing is known of its link' from strays
    where id not in (select id from pg_temp.adoption_refused)`;
}

/** Rows of what was published of links that nothing else is known of. Nothing refers to them, and nothing is settled. */
async function publishedWithoutLink(tx: Sql, live: Live): Promise<void> {
  await tx`
    insert into pg_temp.adoption_events (subject, subject_id, key, payload)
    select 'link', p.subject_id, 'published', jsonb_build_object('settled', false, 'rows',
      jsonb_build_object('publish_state', ${live("publish_state", "p")}))
    from lifestream.publish_state p
    where p.subject_id <> '' and ${hasNoRow(tx, "p")} and not exists (
      select from pg_temp.adoption_events e where e.subject = 'link' and e.subject_id = p.subject_id)
    order by p.subject_id`;
}

function isNotGone(tx: Sql) {
  return tx`not exists (
    select from pg_temp.adoption_events e where e.subject_id = o.subject_id and e.subject = 'link' and e.key = 'gone')`;
}

/**
 * A link with all that hangs on it. Its own row is always said: who may see it must not depend on what is the default
 * when the ledger is read again. Where another one has its address, in its row or by its events, these events would
 * stand in the way of one another: all of it is said, and a fold passes over what came before.
 */
async function links(tx: Sql, live: Live, briefly: Briefly): Promise<void> {
  // Each row is joined with the folded ones, by whole tables, and only then told whether these count.
  const folded = (table: string, alias: string) => tx`case when not clash.yes then ${live(table, alias)} end`;
  await tx`
    insert into pg_temp.adoption_events (subject, subject_id, key, payload)
    select 'link', l.subject_id, '', jsonb_build_object('settled', true, 'rows',
      jsonb_build_object('links', ${live("links", "l")} || jsonb_build_object('failed_work',
        case when l.status = 'error' then case when m.subject_id is not null then 'publish_link'
          when c.subject_id is not null and c.fetch_error is null then 'enrich_link' else 'fetch_link' end end))
      || pg_temp.part('subjects', coalesce(${live("subjects", "s")}, pg_temp.told(null, ${folded("subjects", "fs")})))
      || pg_temp.part('link_content', told.content) || pg_temp.part('link_metadata', told.metadata)
      || pg_temp.part('publish_state', told.published)) || case when clash.yes then '{"gone": true}'::jsonb else '{}' end
    from lifestream.links l
    left join lifestream.subjects s on s.subject = 'link' and s.subject_id = l.subject_id
    left join lifestream.link_content c on c.subject_id = l.subject_id
    left join lifestream.link_metadata m on m.subject_id = l.subject_id
    left join lifestream.publish_state p on p.subject_id = l.subject_id
    left join pg_temp.links fl on fl.subject_id = l.subject_id
    left join pg_temp.subjects fs on fs.subject = 'link' and fs.subject_id = l.subject_id
    left join pg_temp.link_content fc on fc.subject_id = fl.subject_id
    left join pg_temp.link_metadata fm on fm.subject_id = fl.subject_id
    left join pg_temp.publish_state fp on fp.subject_id = l.subject_id
    cross join lateral (select
      exists (select from pg_temp.links o where o.url_norm = l.url_norm and o.subject_id <> l.subject_id
        and ${isNotGone(tx)})
      or exists (select from pg_temp.links o where o.url_norm = fl.url_norm and o.subject_id <> l.subject_id
        and ${isNotGone(tx)})
      or exists (select from lifestream.links o where o.url_norm = fl.url_norm and o.subject_id <> l.subject_id)
      as yes offset 0) as clash
    cross join lateral (select
      ${briefly("link_content", "c", { folded: "fc", counts: tx`not clash.yes` })} as content,
      ${briefly("link_metadata", "m", { folded: "fm", counts: tx`not clash.yes` })} as metadata,
      pg_temp.told(${live("publish_state", "p")}, ${folded("publish_state", "fp")}) as published offset 0) as told
    where l.subject_id <> '' and (c.subject_id is not null or m.subject_id is not null or p.subject_id is not null
      or fl.subject_id is null or clash.yes or ${live("links", "l")} <> ${live("links", "fl")}
      or coalesce(pg_temp.told(${live("subjects", "s")}, ${folded("subjects", "fs")}), told.content, told.metadata, told.published) is not null)
    order by l.created_at, l.subject_id`;
}
