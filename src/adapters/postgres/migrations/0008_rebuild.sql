-- What tells that the log lost something, by partition: the last offset of `events.raw` that it acknowledged, and where
-- in a topic the ledger's present flow begins.
alter table lifestream.outbox_batch add column acknowledged jsonb not null default '{}';
alter table lifestream.log_identity add column flow_from jsonb not null default '{}';

-- Each time that the ledger began to flow anew, and why.
create table lifestream.ledger_flows (
  generation int primary key,
  started_at timestamptz not null default now(),
  reason     text not null,
  events     bigint not null
);

-- A reset under way: the topics it makes anew, with their partitions. Empty otherwise.
create table lifestream.topic_resets (
  topic      text primary key,
  partitions int not null
);
