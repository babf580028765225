-- Where the last dead letter and the last tag stand in their topics: one that ends before that has lost its tail. For
-- events the outbox knows it, for work its registry.
create table lifestream.acknowledged_offsets (
  topic        text   not null,
  partition    int    not null,
  kafka_offset bigint not null,
  primary key (topic, partition)
);
