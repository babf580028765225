-- The ledger, as it was taken in; then the marks of what was forwarded, which moves rows within the table.
insert into lifestream.events (id, occurred_at, received_at, source, subject, subject_id, event_type, payload,
  correlation_id)
select pg_temp.uuid_of('event', row_number() over (order by i, received, event_type, subject_id)), pg_temp.at(i, seconds),
  pg_temp.at(i, received), source, subject, subject_id, event_type, payload, correlation_id
from fact order by i, received, event_type, subject_id;
update lifestream.events e set published_to_kafka = true
where not exists (select from link where kind = 'waiting' and id = e.subject_id);

-- Positions of its consumers: of each kind only a part was ever written.
insert into lifestream.event_ingest_dedupe (topic, partition, kafka_offset)
select 'events.raw', i % 3, i / 3 from generate_series(0, :scale) as i where i % 7 <> 0;
insert into lifestream.kafka_offsets (consumer_group, topic, partition, last_offset)
values ('materializer-v1', 'events.raw', 0, 41), ('flink-materializer-v1', 'events.raw', 2, 17);
insert into lifestream.site_builds (build_id, started_at, note)
values (pg_temp.uuid_of('build', 1), pg_temp.at(1, 0), 'unused');
