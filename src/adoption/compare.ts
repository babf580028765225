import type { PendingQuery, Row } from "postgres";
import type { Sql } from "../engine/ports.ts";
import type { Unreadable } from "./fold.ts";
import type { Shadow } from "./shadow.ts";

/*
 * What the ledger does not give: live rows are compared with those that a fold of the ledger left in the shadow, and
 * each difference becomes an event in `pg_temp.adoption_events`. One statement for each kind of subject.
 */

/** Kinds of subject that state tables are kept of. */
const KINDS = ["link", "sensor", "todo", "annotation"];

/** Finds all differences; what no event can say goes to `pg_temp.adoption_problems`. */
export async function compare(tx: Sql, shadow: Shadow, unreadable: readonly Unreadable[]): Promise<void> {
  for (const table of shadow.tables) await tx`analyze ${tx(`pg_temp.${table}`)}`;
  await tx.unsafe(FUNCTIONS);
  const live = (table: string, alias: string) =>
    tx`(to_jsonb(${tx(alias)}) - ${(shadow.ownColumns[table] ?? []) as string[]}::text[])`;
  await withoutPlace(tx);
  await lostAddresses(tx);
  await links(tx, live);
  await lostLinks(tx, live);
  await eventsWithoutLink(tx);
  await readings(tx);
  await latestReadings(tx, live);
  await todos(tx, live);
  await annotations(tx, live);
  await otherSubjects(tx);
  await unreadableEvents(tx, unreadable);
}

/** A row as JSON, without the columns that are ours alone. */
type Live = (table: string, alias: string) => PendingQuery<Row[]>;

/** Tables for what `compare` finds. Made before the fold, as is the index: one that comes after changes is not used. */
export async function prepareComparison(tx: Sql): Promise<void> {
  await tx.unsafe(`
    create temp table adoption_events (
      nth bigint generated always as identity, subject text not null, subject_id text not null, key text not null,
      id uuid generated always as (md5('adoption' || chr(10) || subject || chr(10) || subject_id || chr(10) || key)::uuid)
        stored,
      event_type text not null default 'state.adopted', occurred_at timestamptz not null default now(),
      payload jsonb not null) on commit drop;
    create index on pg_temp.adoption_events (subject_id);
    create temp table adoption_strays (id uuid) on commit drop;
    create temp table adoption_problems (table_name text, key text, reason text) on commit drop;
    create index on pg_temp.links (url_norm)`);
}

const FUNCTIONS = `
  -- What an adoption says of a row: all of it where it is not as folded, null where there is to be none.
  create or replace function pg_temp.told(live jsonb, folded jsonb) returns jsonb language sql immutable as $$
    select case when live is null then case when folded is not null then 'null'::jsonb end
      when live = folded then null else live end $$;

  -- The same of a row with long texts: only the columns that differ, where there is a folded one.
  create or replace function pg_temp.told_briefly(live jsonb, folded jsonb) returns jsonb language plpgsql immutable as $$
  begin
    if live is null or folded is null or live = folded then return pg_temp.told(live, folded); end if;
    return (select jsonb_object_agg(key, value) from jsonb_each(live) where value <> coalesce(folded -> key, 'null'));
  end $$;

  create or replace function pg_temp.part(name text, told jsonb) returns jsonb language sql immutable as $$
    select case when told is null then '{}' else jsonb_build_object(name, told) end $$;`;

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
    union all select 'subjects', subject || ' ' || subject_id, 'no domain keeps subjects of this kind'
      from lifestream.subjects where subject <> all(${KINDS}::text[])`;
}

/** Two ids for one address: the events of the one that has no row would take the address from the one that has. */
async function lostAddresses(tx: Sql): Promise<void> {
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
      select 'link', lost.subject_id, 'gone', jsonb_build_object('settled', true, 'rows',
        '{"links": null}' || pg_temp.part('publish_state', pg_temp.told(to_jsonb(p), to_jsonb(fp)))
        || pg_temp.part('subjects', pg_temp.told(to_jsonb(s), to_jsonb(fs))))
      from lost
      left join lifestream.publish_state p using (subject_id)
      left join pg_temp.publish_state fp using (subject_id)
      left join lifestream.subjects s on s.subject = 'link' and s.subject_id = lost.subject_id
      left join pg_temp.subjects fs on fs.subject = 'link' and fs.subject_id = lost.subject_id)
    insert into pg_temp.adoption_problems
    select 'links', subject_id, 'its address is that of ' || holder || ', so it has events but no row' from lost`;
}

function hasNoRow(tx: Sql, alias: "f" | "o" | "e") {
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
      || pg_temp.part('subjects', coalesce(to_jsonb(s), to_jsonb(fs)))
      || pg_temp.part('link_content', ${live("link_content", "c")})
      || pg_temp.part('link_metadata', ${live("link_metadata", "m")})
      || pg_temp.part('publish_state', coalesce(to_jsonb(p), to_jsonb(fp))))
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
    insert into pg_temp.adoption_problems select 'events', id::text, 'nothing is known of its link' from strays`;
}

/**
 * A link with all that hangs on it. Its own row is always said: who may see it must not depend on what is the default
 * when the ledger is read again. Where two ids share an address only one of them can be folded, so all of it is said.
 */
async function links(tx: Sql, live: Live): Promise<void> {
  await tx`
    insert into pg_temp.adoption_events (subject, subject_id, key, payload)
    select 'link', l.subject_id, '', jsonb_build_object('settled', true, 'rows',
      jsonb_build_object('links', ${live("links", "l")} || jsonb_build_object('failed_work',
        case when l.status = 'error' then case when m.subject_id is not null then 'publish_link'
          when c.subject_id is not null and c.fetch_error is null then 'enrich_link' else 'fetch_link' end end))
      || pg_temp.part('subjects', coalesce(to_jsonb(s), pg_temp.told(null, to_jsonb(fs))))
      || pg_temp.part('link_content', told.content) || pg_temp.part('link_metadata', told.metadata)
      || pg_temp.part('publish_state', told.published))
    from lifestream.links l
    left join lifestream.subjects s on s.subject = 'link' and s.subject_id = l.subject_id
    left join lifestream.link_content c on c.subject_id = l.subject_id
    left join lifestream.link_metadata m on m.subject_id = l.subject_id
    left join lifestream.publish_state p on p.subject_id = l.subject_id
    left join pg_temp.links fl on fl.subject_id = l.subject_id
      and not exists (select from pg_temp.links o where o.url_norm = l.url_norm and o.subject_id <> l.subject_id)
    left join pg_temp.subjects fs on fs.subject = 'link' and fs.subject_id = l.subject_id
    left join pg_temp.link_content fc on fc.subject_id = fl.subject_id
    left join pg_temp.link_metadata fm on fm.subject_id = fl.subject_id
    left join pg_temp.publish_state fp on fp.subject_id = l.subject_id
    cross join lateral (select
      pg_temp.told_briefly(${live("link_content", "c")}, ${live("link_content", "fc")}) as content,
      pg_temp.told_briefly(${live("link_metadata", "m")}, ${live("link_metadata", "fm")}) as metadata,
      pg_temp.told(to_jsonb(p), to_jsonb(fp)) as published offset 0) as told
    where l.subject_id <> '' and (c.subject_id is not null or m.subject_id is not null or p.subject_id is not null
      or fl.subject_id is null or ${live("links", "l")} <> ${live("links", "fl")}
      or coalesce(pg_temp.told(to_jsonb(s), to_jsonb(fs)), told.content, told.metadata, told.published) is not null)
    order by l.created_at, l.subject_id`;
}

/** Readings are events by themselves, but for numbers and times that JSON has no words for. */
async function readings(tx: Sql): Promise<void> {
  await tx`
    insert into pg_temp.adoption_events (subject, subject_id, key, event_type, occurred_at, payload)
    select 'sensor', r.subject_id, r.occurred_at::text,
      case when sayable then 'temp.reading_recorded' else 'state.adopted' end,
      case when sayable then r.occurred_at else now() end,
      case when sayable
        then jsonb_build_object('celsius', r.celsius, 'humidity', r.humidity, 'battery', r.battery)
        else jsonb_build_object('settled', false, 'rows', jsonb_build_object('temperature_readings', to_jsonb(r))) end
    from lifestream.temperature_readings r
    left join pg_temp.temperature_readings f on f.subject_id = r.subject_id and f.occurred_at = r.occurred_at
    cross join lateral (select isfinite(r.occurred_at) and not array[r.celsius, r.humidity, r.battery]
      && array['NaN', 'Infinity', '-Infinity']::float8[] as sayable) as s
    where r.subject_id <> '' and (f.subject_id is null
      or (r.celsius, r.humidity, r.battery) is distinct from (f.celsius, f.humidity, f.battery))
    order by r.occurred_at, r.subject_id`;
}

/** After the readings, which move it themselves: then the whole row is said. */
async function latestReadings(tx: Sql, live: Live): Promise<void> {
  await tx`
    insert into pg_temp.adoption_events (subject, subject_id, key, payload)
    select 'sensor', l.subject_id, 'latest', jsonb_build_object('settled', false, 'rows', jsonb_build_object(
      'temperature_latest', told.latest))
    from lifestream.temperature_latest l
    left join pg_temp.temperature_latest f on f.subject_id = l.subject_id and not exists (
      select from pg_temp.adoption_events e where e.subject = 'sensor' and e.subject_id = l.subject_id)
    cross join lateral (
      select pg_temp.told(${live("temperature_latest", "l")}, ${live("temperature_latest", "f")}) as latest
      offset 0) as told
    where l.subject_id <> '' and told.latest is not null
    order by l.subject_id`;
}

async function todos(tx: Sql, live: Live): Promise<void> {
  await tx`
    insert into pg_temp.adoption_events (subject, subject_id, key, payload)
    select 'todo', t.subject_id, '', jsonb_build_object('settled', true, 'rows',
      jsonb_build_object('todos', ${live("todos", "t")})
      || pg_temp.part('subjects', told.subject))
    from lifestream.todos t
    left join lifestream.subjects s on s.subject = 'todo' and s.subject_id = t.subject_id
    left join pg_temp.todos ft on ft.subject_id = t.subject_id
    left join pg_temp.subjects fs on fs.subject = 'todo' and fs.subject_id = t.subject_id
    cross join lateral (select pg_temp.told(${live("todos", "t")}, ${live("todos", "ft")}) as todo,
      pg_temp.told(to_jsonb(s), to_jsonb(fs)) as subject offset 0) as told
    where t.subject_id <> '' and coalesce(told.todo, told.subject) is not null
    order by t.updated_at, t.subject_id`;
}

async function annotations(tx: Sql, live: Live): Promise<void> {
  await tx`
    insert into pg_temp.adoption_events (subject, subject_id, key, payload)
    select 'annotation', a.subject_id, a.annotation_id::text, jsonb_build_object('settled', true, 'rows',
      jsonb_build_object('annotations', ${live("annotations", "a")})
      || pg_temp.part('subjects', told.subject))
    from lifestream.annotations a
    left join lifestream.subjects s on s.subject = 'annotation' and s.subject_id = a.subject_id
    left join pg_temp.annotations fa on fa.annotation_id = a.annotation_id
    left join pg_temp.subjects fs on fs.subject = 'annotation' and fs.subject_id = a.subject_id
    cross join lateral (select pg_temp.told(${live("annotations", "a")}, ${live("annotations", "fa")}) as annotation,
      pg_temp.told(to_jsonb(s), to_jsonb(fs)) as subject offset 0) as told
    where a.subject_id <> '' and coalesce(told.annotation, told.subject) is not null
    order by a.created_at, a.annotation_id`;
}

/** Subjects of which there is nothing else, or, as with sensors, of which the rest is said by itself. */
async function otherSubjects(tx: Sql): Promise<void> {
  await tx`
    insert into pg_temp.adoption_events (subject, subject_id, key, payload)
    select s.subject, s.subject_id, 'subject', jsonb_build_object('settled', false, 'rows',
      jsonb_build_object('subjects', told.subject))
    from lifestream.subjects s left join pg_temp.subjects f using (subject, subject_id)
    cross join lateral (select pg_temp.told(to_jsonb(s), to_jsonb(f)) as subject offset 0) as told
    where s.subject = any(${KINDS}::text[]) and s.subject_id <> '' and told.subject is not null
      and not exists (select from pg_temp.adoption_events e
        where e.subject = s.subject and e.subject_id = s.subject_id and e.payload->'rows' ? 'subjects')
    order by s.created_at, s.subject_id`;
}

/** Events that the stages will set aside; those of a subject that was adopted are passed over, and are no problem. */
async function unreadableEvents(tx: Sql, unreadable: readonly Unreadable[]): Promise<void> {
  await tx`
    insert into pg_temp.adoption_problems
    select 'events', u.id::text, u.reason
    from unnest(${unreadable.map(({ id }) => id)}::uuid[], ${unreadable.map(({ reason }) => reason)}::text[])
      as u(id, reason)
    join lifestream.events e on e.id = u.id
    where not exists (select from pg_temp.adoption_events a
      where a.subject = e.subject and a.subject_id = e.subject_id and a.payload->'settled' = 'true')`;
}
