-- A log in Postgres itself, for where no Kafka is (STREAM_TRANSPORT=embedded). Its tables stay empty otherwise.

-- This log's identity, and which process keeps it tidy.
create table lifestream.log_cluster (
  singleton     boolean primary key default true check (singleton),
  id            uuid not null default gen_random_uuid(),
  cleaner       uuid,
  cleaner_until timestamptz not null default '-infinity'
);
insert into lifestream.log_cluster default values;

-- A topic made anew under the same name has another id.
create table lifestream.log_topics (
  id     uuid primary key default gen_random_uuid(),
  name   text not null unique,
  config jsonb not null
);

-- The row of a partition hands out its offsets: whoever appends holds it until commit, so that offsets become visible
-- in their order and without a gap. Without a topic: deleted, and its records wait to be cleared away.
create table lifestream.log_partitions (
  id           bigint generated always as identity primary key,
  topic_id     uuid references lifestream.log_topics on delete set null,
  partition    int not null,
  start_offset bigint not null default 0,
  next_offset  bigint not null default 0,
  compacted_to bigint not null default 0,
  unique (topic_id, partition)
) with (fillfactor = 50);

-- Headers are json, not jsonb: any text is kept as it is.
create table lifestream.log_records (
  partition_id  bigint not null,
  record_offset bigint not null,
  key           bytea,
  value         bytea,
  headers       json,
  appended_at   timestamptz not null default clock_timestamp(),
  primary key (partition_id, record_offset)
) with (autovacuum_vacuum_scale_factor = 0.05);

-- A consumer group. Its row is locked while partitions change hands; each change of what members should own counts.
create table lifestream.log_groups (
  name       text primary key,
  generation bigint not null default 0,
  used_at    timestamptz not null default clock_timestamp()
) with (fillfactor = 50);

-- Members hold their place by renewing it, so that nothing hangs on a session.
create table lifestream.log_members (
  id         uuid primary key,
  group_name text not null references lifestream.log_groups on delete cascade,
  topics     text[] not null,
  expires_at timestamptz not null
) with (fillfactor = 50);
create index log_members_of_group on lifestream.log_members (group_name);

-- What a group has of a partition: its owner, under which assignment, and how far it says it is.
create table lifestream.log_shares (
  group_name   text not null references lifestream.log_groups on delete cascade,
  partition_id bigint not null references lifestream.log_partitions on delete cascade,
  member       uuid references lifestream.log_members on delete set null,
  epoch        bigint,
  committed    bigint,
  primary key (group_name, partition_id)
) with (fillfactor = 50);
create index log_shares_of_member on lifestream.log_shares (member);
create index log_shares_of_partition on lifestream.log_shares (partition_id);

-- Every assignment ever made has a number of its own.
create sequence lifestream.log_epochs;
