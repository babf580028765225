-- Counts how often the ledger has started to flow anew. A record says under which count it was sent, so that what an
-- earlier flow left in a topic never hides what the present one brings.
alter table lifestream.outbox_batch add column generation int not null default 1;
alter table lifestream.kafka_offsets add column last_generation int;
