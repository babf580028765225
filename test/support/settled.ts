import type { App } from "../../src/app.ts";

/** True once every event of the ledger was forwarded and handled by these groups. */
export async function isApplied(app: App, groups: readonly string[]): Promise<boolean> {
  const [row] = await app.db<{ open: number }[]>`select ${unapplied(app, groups)} as open`;
  return row?.open === 0;
}

/**
 * True once nothing is left to do: no work open, no dead letter unsent, every event routed and materialized. One
 * statement, so that all of it is seen at one moment: work that ends brings events, and events bring work.
 */
export async function settled(app: App): Promise<boolean> {
  const [row] = await app.db<{ open: number }[]>`
    select ${unapplied(app, ["router-v1", "materializer-v1"])} + (
      select count(*) from lifestream.work
      where status not in ('done', 'dead', 'discarded')
        or (status in ('dead', 'discarded') and dead_letter_sent_at is null)) as open`;
  return row?.open === 0;
}

function unapplied({ db }: App, groups: readonly string[]) {
  return db`(
    select count(*)
    from lifestream.events e cross join unnest(${groups as string[]}::text[]) as g(consumer_group)
    left join lifestream.kafka_offsets o
      on o.consumer_group = g.consumer_group and o.topic = 'events.raw' and o.partition = e.kafka_partition
    where (not e.published_to_kafka or o.last_offset is null or o.last_offset < e.kafka_offset)
      and not (e.published_to_kafka and exists (select from lifestream.dead_letters d where d.id = e.id)))`;
}
