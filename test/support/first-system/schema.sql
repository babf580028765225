-- The first system's schema as it was observed: no checks, no triggers on tables.
create schema lifestream;

create table lifestream.events (
  id uuid primary key default gen_random_uuid(),
  occurred_at timestamptz not null,
  received_at timestamptz not null default now(),
  source text not null,
  subject text not null,
  subject_id text not null,
  event_type text not null,
  schema_version int not null default 1,
  payload jsonb not null default '{}',
  correlation_id uuid,
  causation_id uuid,
  kafka_topic text,
  kafka_partition int,
  kafka_offset bigint,
  published_to_kafka boolean not null default false
);
create index idx_events_subject on lifestream.events (subject, subject_id, occurred_at);
create index idx_events_type on lifestream.events (event_type, occurred_at);
create index idx_events_source on lifestream.events (source, occurred_at);
create index idx_events_unpublished on lifestream.events (received_at) where published_to_kafka = false;

create table lifestream.subjects (
  subject text not null,
  subject_id text not null,
  created_at timestamptz not null default now(),
  display_name text,
  visibility text not null default 'private',
  meta jsonb not null default '{}',
  primary key (subject, subject_id)
);
create table lifestream.links (
  subject_id text primary key,
  url text not null,
  url_norm text not null unique,
  created_at timestamptz not null default now(),
  source text,
  status text not null default 'new',
  visibility text not null default 'public',
  pinned boolean not null default false,
  retry_count int not null default 0,
  last_error_at timestamptz,
  last_error text
);
create table lifestream.link_content (
  subject_id text primary key references lifestream.links on delete cascade,
  final_url text,
  title text,
  text_content text,
  html_storage_key text,
  fetched_at timestamptz,
  fetch_error text
);
create table lifestream.link_metadata (
  subject_id text primary key references lifestream.links on delete cascade,
  tags text[] not null default '{}',
  summary_short text,
  summary_long text,
  language text,
  model_version text,
  updated_at timestamptz not null default now()
);
create table lifestream.publish_state (
  subject_id text primary key,
  desired_version bigint not null default 0,
  published_version bigint not null default 0,
  dirty boolean not null default false,
  last_published_at timestamptz
);
create table lifestream.todos (
  subject_id text primary key,
  title text not null,
  project text,
  labels text[] not null default '{}',
  status text not null default 'open',
  due_at timestamptz,
  completed_at timestamptz,
  updated_at timestamptz not null default now(),
  meta jsonb not null default '{}'
);
create table lifestream.temperature_readings (
  subject_id text not null,
  occurred_at timestamptz not null,
  celsius double precision not null,
  humidity double precision,
  battery double precision,
  primary key (subject_id, occurred_at)
);
create table lifestream.temperature_latest (
  subject_id text primary key,
  occurred_at timestamptz not null,
  celsius double precision not null,
  humidity double precision,
  battery double precision,
  updated_at timestamptz not null default now()
);
create table lifestream.annotations (
  annotation_id uuid primary key,
  subject_id text not null,
  link_subject_id text not null references lifestream.links on delete cascade,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  quote text,
  note text,
  selector jsonb not null default '{}',
  visibility text not null default 'private'
);
create table lifestream.kafka_offsets (
  consumer_group text not null,
  topic text not null,
  partition int not null,
  last_offset bigint not null,
  updated_at timestamptz not null default now(),
  primary key (consumer_group, topic, partition)
);
create table lifestream.event_ingest_dedupe (
  topic text not null,
  partition int not null,
  kafka_offset bigint not null,
  inserted_at timestamptz not null default now(),
  primary key (topic, partition, kafka_offset)
);
create table lifestream.site_builds (
  build_id uuid primary key default gen_random_uuid(),
  started_at timestamptz not null default now(),
  note text
);

-- An SQL stream job could only insert: views turned its inserts into updates.
create view lifestream.flink_links_status_update as select subject_id, status from lifestream.links;
create view lifestream.flink_links_error_update as
  select subject_id, last_error, last_error_at, retry_count from lifestream.links;
create view lifestream.flink_links_visibility_update as select subject_id, visibility from lifestream.links;
create view lifestream.flink_link_metadata as
  select subject_id, array_to_string(tags, ',') as tags, summary_short, summary_long, language, model_version, updated_at
  from lifestream.link_metadata;
create view lifestream.flink_todos as
  select subject_id, title, project, array_to_string(labels, ',') as labels, status, completed_at, updated_at
  from lifestream.todos;

create function lifestream.flink_links_status() returns trigger language plpgsql as $$
begin
  update lifestream.links set status = new.status where subject_id = new.subject_id;
  return new;
end $$;
create function lifestream.flink_links_error() returns trigger language plpgsql as $$
begin
  update lifestream.links set status = 'error', last_error = new.last_error, last_error_at = new.last_error_at,
    retry_count = new.retry_count where subject_id = new.subject_id;
  return new;
end $$;
create function lifestream.flink_links_visibility() returns trigger language plpgsql as $$
begin
  update lifestream.links set visibility = new.visibility where subject_id = new.subject_id;
  return new;
end $$;
create function lifestream.flink_metadata() returns trigger language plpgsql as $$
begin
  insert into lifestream.link_metadata (subject_id, tags, summary_short, summary_long, language, model_version)
  values (new.subject_id, string_to_array(new.tags, ','), new.summary_short, new.summary_long, new.language,
    new.model_version)
  on conflict (subject_id) do update set tags = excluded.tags, summary_short = excluded.summary_short,
    summary_long = excluded.summary_long, updated_at = now();
  return new;
end $$;
create function lifestream.flink_todo() returns trigger language plpgsql as $$
begin
  insert into lifestream.todos (subject_id, title, project, labels, status, completed_at)
  values (new.subject_id, new.title, new.project, string_to_array(new.labels, ','), new.status, new.completed_at)
  on conflict (subject_id) do update set status = excluded.status, completed_at = excluded.completed_at;
  return new;
end $$;
create trigger flink_insert instead of insert on lifestream.flink_links_status_update
  for each row execute function lifestream.flink_links_status();
create trigger flink_insert instead of insert on lifestream.flink_links_error_update
  for each row execute function lifestream.flink_links_error();
create trigger flink_insert instead of insert on lifestream.flink_links_visibility_update
  for each row execute function lifestream.flink_links_visibility();
create trigger flink_insert instead of insert on lifestream.flink_link_metadata
  for each row execute function lifestream.flink_metadata();
create trigger flink_insert instead of insert on lifestream.flink_todos
  for each row execute function lifestream.flink_todo();
