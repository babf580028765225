-- Dead letters that are being sent, written down first: where each partition of their topic ended before, so that whoever
-- takes over looks there for what was sent and not marked. Null: none are.
create table lifestream.dead_letter_batch (
  singleton boolean primary key default true check (singleton),
  sent_from jsonb
);
insert into lifestream.dead_letter_batch default values;
