-- Rows of a life as the first system left it, with every oddity that was seen. `scale` is about a sixth of the events.
-- Everything follows from the numbers of generate_series: the same scale gives the same rows.

create function pg_temp.at(i bigint, seconds double precision) returns timestamptz language sql immutable as $$
  select timestamptz '2024-03-01 08:00:00.123+00' + i * interval '40 seconds' + seconds * interval '1 second' $$;
create function pg_temp.uuid_of(what text, i bigint) returns uuid language sql immutable as $$
  select md5(what || ':' || i)::uuid $$;
create function pg_temp.link_id(url text) returns text language sql immutable as $$
  select 'link:' || left(encode(sha256(convert_to(url, 'UTF8')), 'hex'), 16) $$;
-- What a page says: 2 to 20 KB, and now and then 1 MB.
create function pg_temp.page(i bigint) returns text language sql immutable as $$
  select repeat('Words of page ' || i || '. ', case when i % 2000 = 2 then 50000 else 100 + (i * 7 % 900)::int end) $$;
-- Sample data stored its payloads as text that holds JSON.
create function pg_temp.as_text(value jsonb) returns jsonb language sql immutable as $$ select to_jsonb(value::text) $$;

-- Links, each of some kind.
create temp table link as
select i, kind, url, pg_temp.link_id(url) as id, kind in ('sample', 'sample twice') as sample,
  case kind when 'left new' then 'new' when 'left fetched' then 'fetched' when 'shared again' then 'new'
    when 'cleaned' then 'new' when 'error' then 'error' when 'bare' then 'published' when 'waiting' then 'new'
    when 'unpublished' then 'enriched' else 'published' end as status,
  case when kind = 'private' then 'private' else 'public' end as visibility
from (
  select i, kind, case kind when 'unparsable' then 'not a url ' || i
    else 'https://site' || i % 97 || '.example/page/' || i end as url
  from (
    select i, (array['plain', 'left new', 'plain', 'left fetched', 'shared again', 'plain', 'cleaned', 'no event',
      'private', 'plain', 'sample', 'sample twice', 'plain', 'error', 'edited', 'clash', 'unparsable', 'content first',
      'lost', 'bare', 'unpublished', 'plain'])[1 + i % 22] as kind
    from generate_series(0, :scale - 1) as i
    union all select :scale + i, 'waiting' from generate_series(0, :waiting - 1) as i) as k) as u;

-- What was captured: subject and link first (public, created now, also when it is shared again), then the event; so it has a
-- row but for what was lost.
insert into lifestream.subjects (subject, subject_id, created_at, display_name, meta)
select 'link', id, pg_temp.at(i, 0.04), null, case when sample then pg_temp.as_text('{"seed": true}') else '{}' end
from link where kind not in ('lost', 'bare');
insert into lifestream.links (subject_id, url, url_norm, created_at, source, status, visibility, pinned, retry_count,
  last_error_at, last_error)
select id, url, url, pg_temp.at(i, case when kind = 'shared again' then 90.04 else 0.04 end), (array['chrome', 'phone', 'unknown', null])[1 + i % 4], status, visibility,
  kind = 'edited', case when kind in ('error', 'left fetched') then 3 else 0 end,
  case when kind = 'error' then pg_temp.at(i, 60) end, case when kind = 'error' then 'HTTP 404: Not Found' end
from link where kind <> 'lost';
insert into lifestream.link_content (subject_id, final_url, title, text_content, fetched_at)
select id, case when sample then null else url end, 'Page ' || i,
  case when sample then null else pg_temp.page(i) end, pg_temp.at(i, 5.5)
from link where kind not in ('left new', 'cleaned', 'lost', 'error', 'bare', 'waiting');
insert into lifestream.link_metadata (subject_id, tags, summary_short, summary_long, language, model_version, updated_at)
select id, array['tag-' || i % 40, 'seen'], case when kind = 'edited' then 'By hand ' else 'In short ' end || i,
  case when sample then null else 'At length ' || i end, case when sample then null else 'en' end,
  case when sample then null else 'gpt-4o-mini' end, pg_temp.at(i, 9.25)
from link where kind not in ('left new', 'left fetched', 'cleaned', 'lost', 'error', 'bare', 'waiting');
insert into lifestream.publish_state (subject_id, desired_version, published_version, dirty, last_published_at)
select id, 1, 1, false, pg_temp.at(i, 12)
from link where kind not in ('left new', 'left fetched', 'lost', 'error', 'bare', 'waiting', 'unpublished');

-- Their events. Agents name the correlation; capture clients do not.
create temp table fact (i bigint, seconds double precision, received double precision, source text, subject text,
  subject_id text, event_type text, payload jsonb, correlation_id uuid, published boolean default true);
insert into fact
select i, 0, 0.05, coalesce((array['chrome', 'phone'])[1 + i % 2], 'unknown'), 'link', id, 'link.added',
  case when sample then pg_temp.as_text(jsonb_build_object('url', url))
    when i % 3 = 0 then jsonb_build_object('url', url, 'url_norm', url)
    else jsonb_build_object('url', url, 'url_norm', url, 'source', 'chrome') end, null, kind <> 'waiting'
from link where kind not in ('no event', 'bare');
insert into fact
select i, 5, case when kind = 'content first' then 0.01 else 5 end, 'agent:fetcher', 'link', id, 'content.fetched',
  case when sample then pg_temp.as_text(jsonb_build_object('title', 'Page ' || i))
    else jsonb_build_object('final_url', url, 'title', 'Page ' || i, 'text_content',
      pg_temp.page(i), 'html_storage_key', null) end, pg_temp.uuid_of('chain', i)
from link where kind not in ('no event', 'bare', 'left new', 'error', 'waiting');
insert into fact
select i, 9, 9, 'agent:enricher', 'link', id, 'enrichment.completed',
  case when sample then pg_temp.as_text(jsonb_build_object('tags', array['tag-' || i % 40, 'seen'],
      'summary', 'In short ' || i))
    else jsonb_build_object('tags', array['tag-' || i % 40, 'seen'], 'summary_short', 'In short ' || i,
      'summary_long', 'At length ' || i, 'language', 'en', 'model_version', 'gpt-4o-mini') end, pg_temp.uuid_of('chain', i)
from link where kind not in ('no event', 'bare', 'left new', 'left fetched', 'error', 'waiting');
insert into fact
select i, 12, 12, 'agent:publisher', 'link', id, 'publish.completed',
  case when i % 2 = 0 or sample then '{}' else jsonb_build_object('published_at', pg_temp.at(i, 12)) end,
  pg_temp.uuid_of('chain', i)
from link where kind not in ('no event', 'bare', 'left new', 'left fetched', 'error', 'waiting', 'unpublished');
insert into fact
select i, 20, 20, 'admin:visibility', 'link', id, 'link.visibility_changed', '{"visibility": "private"}', null
from link where kind = 'private';
-- A second seeding doubles the sample's events; sharing again adds one, and a retry has its own source.
insert into fact
select i, seconds, received + 3600, source, subject, subject_id, event_type, payload, correlation_id
from fact where subject_id in (select id from link where kind = 'sample twice');
insert into fact
select i, 90, 90, case when i % 4 = 0 then 'retry-script' else 'phone' end, 'link', id, 'link.added',
  jsonb_build_object('url', url, 'url_norm', url, 'original_source', 'chrome'), null
from link where kind = 'shared again';
insert into fact
select i, 30 + n, 30 + n, 'agent:fetcher', 'link', id, 'work.failed', jsonb_build_object('error', 'connect timeout',
  'agent', 'fetcher', 'work_message', jsonb_build_object('subject_id', id, 'work_type', 'fetch_link', 'attempt', n,
  'max_attempts', 3, 'payload', jsonb_build_object('url', url))), pg_temp.uuid_of('chain', i)
from link cross join generate_series(1, 3) as n where kind = 'left new';
-- Two ids for one address: the second never got a row.
insert into fact
select i, 100, 100, 'phone', 'link', pg_temp.link_id(url || '#other'), 'link.added',
  jsonb_build_object('url', url || '/', 'url_norm', url), null
from link where kind = 'clash';

-- Todos.
create temp table todo as
select i, 'todoist:' || 10000 + i as id, (array['plain', 'edited', 'no event', 'sample', 'done', 'twice', 'lost', 'plain',
  'done', 'plain'])[1 + i % 10] as kind from generate_series(0, :scale / 3 - 1) as i;
insert into lifestream.subjects (subject, subject_id, created_at, display_name, meta)
select 'todo', id, pg_temp.at(i, 1), 'Todo ' || i, pg_temp.as_text(jsonb_build_object('priority', i % 4))
from todo where kind <> 'lost';
insert into lifestream.todos (subject_id, title, project, labels, status, due_at, completed_at, updated_at, meta)
select id, case when kind = 'edited' then 'Edited ' || i else 'Todo ' || i end, 'Home', array['errand'],
  case kind when 'edited' then 'archived' when 'done' then 'done' else 'open' end,
  case when kind = 'edited' then pg_temp.at(i, 86400) end, case when kind = 'done' then pg_temp.at(i, 600) end,
  pg_temp.at(i, 700.5), pg_temp.as_text('{"color": "red"}')
from todo where kind <> 'lost';
insert into lifestream.todos (subject_id, title, updated_at) values ('', 'A todo without an id', pg_temp.at(1, 0));
insert into fact
select i, 1, 1, 'todoist', 'todo', id, 'todo.created', case when kind = 'sample'
  then pg_temp.as_text(jsonb_build_object('title', 'Todo ' || i, 'project', 'Home', 'labels', array['errand']))
  else jsonb_build_object('title', 'Todo ' || i, 'project', 'Home', 'labels', array['errand']) end, null
from todo cross join generate_series(1, case when kind = 'twice' then 2 else 1 end) as n where kind <> 'no event';
insert into fact
select i, 600, 600, 'todoist', 'todo', id, 'todo.completed', '{}', null from todo where kind = 'done';

-- Sensors.
insert into lifestream.subjects (subject, subject_id, created_at, display_name, meta)
select 'sensor', 'sensor:room_' || i, pg_temp.at(i, 0), 'Room ' || i, pg_temp.as_text(jsonb_build_object('floor', i))
from generate_series(0, 4) as i;
insert into lifestream.temperature_readings (subject_id, occurred_at, celsius, humidity, battery)
select 'sensor:room_' || i % 5, pg_temp.at(i, 0.5), 20 + (i % 70) / 10.0, case when i % 2 = 0 then 40 + i % 20 end, null
from generate_series(0, :scale) as i;
insert into lifestream.temperature_readings (subject_id, occurred_at, celsius)
values ('sensor:room_0', pg_temp.at(0, -60), 'NaN');
insert into lifestream.temperature_latest (subject_id, occurred_at, celsius, humidity, battery, updated_at)
select distinct on (subject_id) *, occurred_at + interval '2 seconds' from lifestream.temperature_readings
order by subject_id, occurred_at desc;
-- Every tenth reading has no event, and one in ten events no reading.
insert into fact
select i, 0.5 - case when i % 10 = 3 then 7 else 0 end, 0.6, 'homeassistant', 'sensor', 'sensor:room_' || i % 5,
  'temp.reading_recorded', case when i % 4 = 1 then pg_temp.as_text(r.payload) else r.payload end, null
from generate_series(0, :scale) as i cross join lateral (select jsonb_strip_nulls(jsonb_build_object(
  'celsius', 20 + (i % 70) / 10.0, 'humidity', case when i % 2 = 0 then 40 + i % 20 end)) as payload) as r
where i % 10 <> 7;

-- Annotations, some without an event, some events on links that nobody knows.
insert into lifestream.annotations (annotation_id, subject_id, link_subject_id, created_at, updated_at, quote, note,
  selector, visibility)
select pg_temp.uuid_of('anno', i), 'anno:' || pg_temp.uuid_of('anno', i), id, pg_temp.at(i, 30), pg_temp.at(i, 31),
  'Quote ' || i, case when i % 3 = 0 then 'Note ' || i end,
  case when i % 2 = 0 then pg_temp.as_text('{"type": "TextQuoteSelector"}') else '{"type": "TextQuoteSelector"}' end,
  case when i % 5 = 0 then 'public' else 'private' end
from link where kind not in ('lost') and i % 4 = 0;
insert into lifestream.subjects (subject, subject_id, created_at, meta)
select 'annotation', subject_id, created_at, pg_temp.as_text('{}') from lifestream.annotations;
insert into fact
select i, 30, 30, 'chrome', 'annotation', 'anno:' || pg_temp.uuid_of('anno', i), 'annotation.added',
  jsonb_build_object('annotation_id', pg_temp.uuid_of('anno', i), 'link_subject_id', id, 'quote', 'Quote ' || i,
    'selector', case when i % 8 = 0 then pg_temp.as_text('{"type": "TextQuoteSelector"}') else '{}' end), null
from link where kind <> 'lost' and i % 4 = 0 and i % 12 <> 0;
insert into fact
select i, 35, 35, 'chrome', 'annotation', 'anno:' || pg_temp.uuid_of('stray', i), 'annotation.added',
  jsonb_build_object('annotation_id', pg_temp.uuid_of('stray', i), 'link_subject_id', 'link:00000000000000' || i % 90 + 10,
    'note', 'On a page that nobody saved'), null
from generate_series(0, :scale, 50) as i;

-- What no domain knows, and what says nothing.
insert into lifestream.subjects (subject, subject_id, created_at, display_name)
values ('book', 'book:1', pg_temp.at(1, 0), 'A book');
insert into fact values
  (3, 1, 1, 'unknown', 'book', 'book:1', 'book.read', '{"pages": 12}', null, true),
  (4, 1, 1, 'unknown', 'link', 'link:ffffffffffffffff', 'content.fetched', '{"title": "Of no link"}', null, true),
  (5, 1, 1, 'unknown', 'todo', 'todoist:1', 'todo.created', '{"project": "without a title"}', null, true);
