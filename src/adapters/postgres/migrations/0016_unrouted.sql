-- Records that the router could not read, as they are too new for it: it has yet to ask for their work, whether or not the
-- materializer has applied them. `status` stays what the materializer says. Writing such a row, it says 'redriven' until the
-- materializer finds otherwise.
alter table lifestream.dead_letters add column unrouted boolean not null default false;
