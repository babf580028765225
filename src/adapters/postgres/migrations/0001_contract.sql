-- The tables other programs know, as the first system of this kind has them. Nothing here may fail on, or change, a
-- database that already holds them.
create schema if not exists lifestream;

create table if not exists lifestream.events (
  id                 uuid primary key default gen_random_uuid(),
  occurred_at        timestamptz not null,
  received_at        timestamptz not null default now(),
  source             text not null,
  subject            text not null,
  subject_id         text not null,
  event_type         text not null,
  schema_version     int not null default 1,
  payload            jsonb not null default '{}',
  correlation_id     uuid,
  causation_id       uuid,
  kafka_topic        text,
  kafka_partition    int,
  kafka_offset       bigint,
  published_to_kafka boolean not null default false
);

create table if not exists lifestream.subjects (
  subject      text not null,
  subject_id   text not null,
  created_at   timestamptz not null default now(),
  display_name text,
  visibility   text not null default 'private',
  meta         jsonb not null default '{}',
  primary key (subject, subject_id)
);

create table if not exists lifestream.links (
  subject_id    text primary key,
  url           text not null,
  url_norm      text not null unique,
  created_at    timestamptz not null default now(),
  source        text,
  status        text not null default 'new',
  visibility    text not null default 'public',
  pinned        boolean not null default false,
  retry_count   int not null default 0,
  last_error_at timestamptz,
  last_error    text
);

create table if not exists lifestream.link_content (
  subject_id       text primary key references lifestream.links on delete cascade,
  final_url        text,
  title            text,
  text_content     text,
  html_storage_key text,
  fetched_at       timestamptz,
  fetch_error      text
);

create table if not exists lifestream.link_metadata (
  subject_id    text primary key references lifestream.links on delete cascade,
  tags          text[] not null default '{}',
  summary_short text,
  summary_long  text,
  language      text,
  model_version text,
  updated_at    timestamptz not null default now()
);

create table if not exists lifestream.publish_state (
  subject_id        text primary key,
  desired_version   bigint not null default 0,
  published_version bigint not null default 0,
  dirty             boolean not null default false,
  last_published_at timestamptz
);

create table if not exists lifestream.todos (
  subject_id   text primary key,
  title        text not null,
  project      text,
  labels       text[] not null default '{}',
  status       text not null default 'open',
  due_at       timestamptz,
  completed_at timestamptz,
  updated_at   timestamptz not null default now(),
  meta         jsonb not null default '{}'
);

create table if not exists lifestream.temperature_readings (
  subject_id  text not null,
  occurred_at timestamptz not null,
  celsius     double precision not null,
  humidity    double precision,
  battery     double precision,
  primary key (subject_id, occurred_at)
);

create table if not exists lifestream.temperature_latest (
  subject_id  text primary key,
  occurred_at timestamptz not null,
  celsius     double precision not null,
  humidity    double precision,
  battery     double precision,
  updated_at  timestamptz not null default now()
);

create table if not exists lifestream.annotations (
  annotation_id   uuid primary key,
  subject_id      text not null,
  link_subject_id text not null references lifestream.links on delete cascade,
  created_at      timestamptz not null default now(),
  updated_at      timestamptz not null default now(),
  quote           text,
  note            text,
  selector        jsonb not null default '{}',
  visibility      text not null default 'private'
);

create table if not exists lifestream.kafka_offsets (
  consumer_group text not null,
  topic          text not null,
  partition      int not null,
  last_offset    bigint not null,
  updated_at     timestamptz not null default now(),
  primary key (consumer_group, topic, partition)
);

create table if not exists lifestream.event_ingest_dedupe (
  topic        text not null,
  partition    int not null,
  kafka_offset bigint not null,
  inserted_at  timestamptz not null default now(),
  primary key (topic, partition, kafka_offset)
);
