-- A database of the first system is adopted: events say what its ledger alone does not give.

-- What was adopted of a link, and when: a status that no fact explains stays until a later fact says more.
alter table lifestream.links
  add column adopted_position bigint,
  add column adopted_status   text;

-- Finds at once whether what an event tells was settled by a later adoption. Empty where nothing was adopted.
create index events_adopted on lifestream.events (subject_id, position) where event_type = 'state.adopted';

-- Rows and events of the first system that could not be adopted. They stay as they are.
create table lifestream.adoption_problems (
  table_name text not null,
  key        text not null,
  reason     text not null,
  noted_at   timestamptz not null default now(),
  primary key (table_name, key)
);
