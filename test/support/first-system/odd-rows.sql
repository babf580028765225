-- Rows and events that are odd in ways of their own, a few of each, however many others there are.

-- A text that nothing makes shorter.
create function pg_temp.noise(what text, length int) returns text language sql immutable as $$
  select left(string_agg(md5(what || n), ''), length) from generate_series(0, length / 32) as n $$;

-- Links with a row, and how they stand.
create temp table odd as
select n, kind, url, coalesce(norm, url) as norm, pg_temp.link_id(coalesce(norm, url)) as id, status, visibility, retries
from (
  select 900000 + row_number() over () as n, o.* from (values
    ('long', 'https://odd.example/' || pg_temp.noise('long', 2600), null, 'published', 'public', 0),
    ('private, then shared', 'https://odd.example/private', null, 'new', 'public', 0),
    ('unreadable', 'https://odd.example/404', null, 'error', 'public', 3),
    ('read, then not', 'https://odd.example/gone', null, 'fetched', 'public', 3),
    ('dirty', 'https://odd.example/dirty', null, 'published', 'public', 0),
    ('at once', 'https://odd.example/at-once', null, 'published', 'public', 0),
    ('long tag', 'https://odd.example/long-tag', null, 'published', 'private', 0),
    -- Rows whose address is not that of their events: one of them took it from the other, two have changed theirs.
    ('owner', 'https://odd.example/owned', null, 'published', 'public', 0),
    ('claims another''s', 'https://odd.example/mine', null, 'published', 'public', 0),
    ('swapped, one', 'https://odd.example/swap/1', null, 'published', 'public', 0),
    ('swapped, two', 'https://odd.example/swap/2', null, 'published', 'public', 0)
  ) as o (kind, url, norm, status, visibility, retries)) as numbered;

insert into lifestream.subjects (subject, subject_id, created_at, visibility, meta)
select 'link', id, pg_temp.at(n, 0.04), visibility, '{"big": 12345678901234567890, "price": 1.10, "parts": [9007199254740993]}'
from odd;
insert into lifestream.links (subject_id, url, url_norm, created_at, source, status, visibility, retry_count, last_error)
select id, url, norm, pg_temp.at(n, 0.04), 'phone', status, visibility, retries,
  case when kind = 'unreadable' then 'HTTP 410: Gone' end
from odd;
insert into lifestream.link_content (subject_id, final_url, title, text_content, fetched_at, fetch_error)
select id, case when kind <> 'unreadable' then url end, case when kind <> 'unreadable' then 'Odd ' || n end,
  case when kind <> 'unreadable' then pg_temp.page(n) end, pg_temp.at(n, 5),
  case when kind = 'unreadable' then 'HTTP 410: Gone' end
from odd;
insert into lifestream.link_metadata (subject_id, tags, summary_short, updated_at)
select id, array['odd', case when kind = 'long tag' then pg_temp.noise('tag', 5000) else 'rare' end], 'In short', pg_temp.at(n, 9)
from odd where kind not in ('unreadable', 'read, then not');
insert into lifestream.publish_state (subject_id, desired_version, published_version, dirty, last_published_at)
select id, 3, case when kind = 'dirty' then 2 else 3 end, kind = 'dirty', pg_temp.at(n, 12)
from odd where kind not in ('unreadable', 'read, then not');

insert into fact
select n, 0, 0.05, 'phone', 'link', id, 'link.added', jsonb_build_object('url', url, 'url_norm', case kind
  when 'claims another''s' then 'https://odd.example/owned' when 'swapped, one' then 'https://odd.example/swap/2'
  when 'swapped, two' then 'https://odd.example/swap/1' else norm end), null
from odd;
insert into fact
select n, 5, 5, 'agent:fetcher', 'link', id, 'content.fetched', jsonb_build_object('final_url', url, 'title', 'Odd ' || n,
  'text_content', pg_temp.page(n)), pg_temp.uuid_of('chain', n)
from odd where kind <> 'unreadable';
insert into fact
select n, 9, 9, 'agent:enricher', 'link', id, 'enrichment.completed', jsonb_build_object('tags', array['odd',
  case when kind = 'long tag' then pg_temp.noise('tag', 5000) else 'rare' end], 'summary', 'In short'), pg_temp.uuid_of('chain', n)
from odd where kind not in ('unreadable', 'read, then not');
insert into fact
select n, 12, 12, 'agent:publisher', 'link', id, 'publish.completed', '{}', pg_temp.uuid_of('chain', n)
from odd where kind not in ('unreadable', 'read, then not');
-- All that one transaction took in has one time.
update fact set received = 5 where subject_id = (select id from odd where kind = 'at once');
insert into fact
select n, 20, 20, 'admin:visibility', 'link', id, 'link.visibility_changed', '{"visibility": "private"}', null
from odd where kind = 'private, then shared';
insert into fact
select n, 90, 90, 'chrome', 'link', id, 'link.added', jsonb_build_object('url', url, 'url_norm', norm), null
from odd where kind = 'private, then shared';
insert into fact
select n, 30, 30, 'agent:fetcher', 'link', id, 'content.fetched', jsonb_build_object('final_url', null, 'title', null,
  'text_content', null, 'fetch_error', 'HTTP 410: Gone'), pg_temp.uuid_of('chain', n)
from odd where kind in ('unreadable', 'read, then not');

-- Rows of what is not there, and rows without an id.
insert into lifestream.publish_state (subject_id, desired_version, published_version, dirty, last_published_at)
values ('link:0000000000000001', 2, 1, true, pg_temp.at(1, 0)), ('', 1, 1, false, pg_temp.at(1, 0));
insert into lifestream.subjects (subject, subject_id, created_at) values
  ('link', '', pg_temp.at(1, 0)), ('link', 'no link at all', pg_temp.at(1, 0)),
  ('sensor', 'sensor:' || pg_temp.noise('sensor', 2000), pg_temp.at(1, 0));
insert into lifestream.temperature_latest (subject_id, occurred_at, celsius) values ('', pg_temp.at(1, 0), 1);
insert into lifestream.links (subject_id, url, url_norm, created_at) values
  ('', 'https://odd.example/no-id', 'https://odd.example/no-id', pg_temp.at(1, 0));
insert into lifestream.link_content (subject_id, title) values ('', 'Of a link without an id');
insert into lifestream.todos (subject_id, title, updated_at, meta) values
  ('todoist:big', 'Big numbers', pg_temp.at(1, 0), '{"big": 12345678901234567890, "price": 1.10}');

-- Events that Postgres does not take in one way or another: an address too long for an index, and texts that are none.
insert into fact values
  (900100, 1, 1, 'chrome', 'link', 'link:00000000000000aa', 'link.added',
    jsonb_build_object('url', 'https://odd.example/' || pg_temp.noise('too long', 9000)), null, true),
  (900101, 1, 1, 'unknown', 'todo', 'todoist:nul', 'todo.created', to_jsonb('{"title": "nothing \u0000"}'::text), null, true),
  (900102, 1, 1, 'unknown', 'link', 'link:00000000000000ab', 'link.added',
    to_jsonb('{"url": "https://odd.example/\u0000"}'::text), null, true),
  (900103, 1, 1, 'unknown', 'todo', 'todoist:half', 'todo.created', to_jsonb('{"title": "half \ud83d"}'::text), null, true);
