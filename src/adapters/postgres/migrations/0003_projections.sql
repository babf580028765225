-- What the core domains' projections remember beside the columns other programs read. Positions are the ledger's:
-- an older event never undoes a newer one, whatever is replayed.

alter table lifestream.links
  add column first_added_at      timestamptz,
  add column visibility_set      text,
  add column visibility_position bigint not null default 0,
  add column failed_work         text,
  add column failure_position    bigint not null default 0;
alter table lifestream.link_content add column position bigint not null default 0;
alter table lifestream.link_metadata add column position bigint not null default 0;
alter table lifestream.todos add column position bigint not null default 0;
alter table lifestream.annotations add column position bigint not null default 0;
create index links_newest on lifestream.links (created_at desc);
create index annotations_of_link on lifestream.annotations (link_subject_id);

-- The tag vocabulary; `sent_at` null: not yet in the topic tags.catalog.
create table lifestream.tag_catalog (
  tag        text primary key,
  first_seen timestamptz not null,
  sent_at    timestamptz
);
create index tag_catalog_unsent on lifestream.tag_catalog (tag) where sent_at is null;
