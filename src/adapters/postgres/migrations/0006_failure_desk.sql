-- The failure desk: failed work and quarantined records are redriven or discarded by events of the ledger.

-- A redrive begins a round of attempts. `attempt` counts on over all rounds, so that no number is ever used twice;
-- `attempts_before` were spent in earlier ones.
alter table lifestream.work
  add column round           int not null default 1,
  add column attempts_before int not null default 0,
  add column redrive_asked   boolean not null default false,
  add column decided_at      timestamptz,
  add column decided_by      text,
  add column decided_why     text;
drop index lifestream.work_dead_unsent;
create index work_dead_unsent on lifestream.work (finished_at)
  where status in ('dead', 'discarded') and dead_letter_sent_at is null;
create index work_failures on lifestream.work (finished_at desc, id desc)
  where status in ('dead', 'discarded') or round > 1;

-- `tries` counts how often a record was offered again.
alter table lifestream.dead_letters
  add column status      text not null default 'open' check (status in ('open', 'redriven', 'discarded')),
  add column tries       int not null default 0,
  add column decided_at  timestamptz,
  add column decided_by  text,
  add column decided_why text;
create index dead_letters_newest on lifestream.dead_letters (created_at desc, id desc);
