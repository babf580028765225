-- Among how many partitions of events.raw the relay shares the keys: fewer than there are, for as long as records of before
-- the others came are unread. Null: among all that there are when it looks.
alter table lifestream.outbox_batch add column partitions int;
