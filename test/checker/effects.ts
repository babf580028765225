import type { App } from "../../src/app.ts";
import { EVENTS_TOPIC } from "../../src/engine/topics.ts";

/** Effects that are in the ledger more than once: the same cause, the same type of event, again. */
export async function doubledEffects({ db }: Pick<App, "db">): Promise<string[]> {
  const rows = await db<{ what: string }[]>`
    select event_type || ' of ' || subject_id || ': ' || string_agg(id::text, ' ') as what from lifestream.events
    where causation_id is not null and event_type <> 'work.failed' and source like 'agent:%'
    group by subject_id, event_type, causation_id having count(*) > 1
    union all
    select 'work.failed of ' || (payload->'work_message'->>'id') || ': ' || string_agg(id::text, ' ')
    from lifestream.events where event_type = 'work.failed'
    group by payload->'work_message'->>'id', payload->'work_message'->>'attempt',
      payload->'work_message'->>'attempts_before' having count(*) > 1`;
  return rows.map(({ what }) => what);
}

/** Work that ended otherwise than it may. */
export async function wrongWork({ db }: Pick<App, "db">): Promise<string[]> {
  const rows = await db<{ what: string }[]>`
    select id || ' had ' || attempt - attempts_before || ' attempts of ' || max_attempts as what from lifestream.work
    where attempt - attempts_before > max_attempts
    union all
    select id || ' is dead after ' || attempt - attempts_before || ' attempts, but no event says so' from lifestream.work w
    where status = 'dead' and not exists (
      select from lifestream.events e where e.event_type = 'work.failed' and e.payload->'work_message'->>'id' = w.id::text)
    union all
    select 'dead letter of ' || id || ' was not sent' from lifestream.work
    where status = 'dead' and dead_letter_sent_at is null`;
  return rows.map(({ what }) => what);
}

/** Events that were never forwarded nor set aside by the relay, or that a consumer has not passed. */
export async function notHandled({ db }: Pick<App, "db">): Promise<string[]> {
  const rows = await db<{ what: string }[]>`
    select 'event ' || e.id || ' was not handled by ' || g.name as what
    from lifestream.events e cross join (values ('router-v1'), ('materializer-v1')) as g(name)
    left join lifestream.kafka_offsets o
      on o.consumer_group = g.name and o.topic = ${EVENTS_TOPIC} and o.partition = e.kafka_partition
    where (not e.published_to_kafka or o.last_offset is null or o.last_offset < e.kafka_offset)
      and not (e.published_to_kafka and exists (select from lifestream.dead_letters d where d.id = e.id)) limit 20`;
  return rows.map(({ what }) => what);
}
