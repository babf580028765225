-- The last few times that work was sent again, as its messages were lost on the way to an agent, and why. `number` counts
-- all that there were.
create table lifestream.resent_messages (
  number   bigint primary key,
  at       timestamptz not null default clock_timestamp(),
  messages bigint not null,
  reason   text not null
);
