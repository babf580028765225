import type { ActedWork } from "../../engine/failure-acts.ts";
import type { Sql } from "../../engine/store.ts";
import { wakeDispatcher } from "./wake.ts";

/** Work that has no way on by itself, and what moves it. */
export interface StuckWork extends ActedWork {
  readonly type: string;
  readonly why: string;
  /**
   * `sweep`: what a dispatcher does while it runs; `requeue`: due again; `redrive`: another round; `none`: a program must be
   * started.
   */
  readonly remedy: "sweep" | "requeue" | "redrive" | "none";
}

/** Offset after the last record of each partition of the work topics, as the log has them. */
export type LogEnds = readonly { readonly topic: string; readonly partition: number; readonly end: number }[];

/** Kafka keeps work for so many days. */
const RETENTION_DAYS = 7;
/** What moves by itself has moved after so many seconds. */
const GRACE_S = 10;
/** Most that are looked at in one go. */
const LIMIT = 1_000;

/** Finds work that waits for something that will not come, oldest first. */
export async function findStuckWork(sql: Sql, ends: LogEnds): Promise<StuckWork[]> {
  return sql<StuckWork[]>`
    with ends as (select * from unnest(${ends.map((e) => e.topic)}::text[], ${ends.map((e) => e.partition)}::int[],
        ${ends.map((e) => e.end)}::bigint[]) as e(topic, partition, ends_at)),
      dispatcher as (select exists (select 1 from lifestream.leases
        where name = 'dispatcher' and expires_at > clock_timestamp()) as runs),
      verdicts as (select w.*, case
        when status = 'running' and lease_until < clock_timestamp() - ${GRACE_S} * interval '1 second'
          then array['its agent is gone, and no dispatcher has noticed', 'sweep']
        when status = 'queued' and (e.ends_at is null or kafka_offset >= e.ends_at)
          then array['its message is not in the topic', 'requeue']
        when status = 'queued' and next_attempt_at < clock_timestamp() - ${RETENTION_DAYS} * interval '1 day'
          then array['its message is older than the topic keeps any', 'requeue']
        when status = 'queued' and kafka_offset <= (select max(last_offset) from lifestream.kafka_offsets o
            where o.topic = 'work.' || work_type and o.partition = kafka_partition) and not dispatcher.runs
          then array['its message was passed by, and no dispatcher has noticed', 'sweep']
        when status = 'pending' and next_attempt_at < clock_timestamp() - ${GRACE_S} * interval '1 second'
            and not dispatcher.runs
          then array['no dispatcher runs: start "npm run router"', 'none']
        when status = 'failed' and finished_at < clock_timestamp() - ${GRACE_S} * interval '1 second'
            and not ${unhandled(sql, "w", ["router-v1"])}
          then array['its failure was never answered', 'redrive'] end as verdict
        from lifestream.work w cross join dispatcher
        left join ends e on e.topic = 'work.' || w.work_type and e.partition = w.kafka_partition
        where w.status in ('pending', 'queued', 'running', 'failed'))
    select id, work_type as type, subject, subject_id as "subjectId", correlation_id as "correlationId", attempt, round,
      last_error as error, error_class as "errorClass", verdict[1] as why, verdict[2] as remedy
    from verdicts where verdict is not null order by created_at limit ${LIMIT}`;
}

/**
 * Whether one of these groups has yet to handle an event of the subject of the row `of`. Events that never stood in this
 * log (an earlier system's) count as handled.
 */
export function unhandled(sql: Sql, of: string, groups: readonly string[]) {
  return sql`exists (
    select 1 from lifestream.events ev cross join unnest(${groups as string[]}::text[]) as g(consumer_group)
    left join lifestream.kafka_offsets o
      on o.consumer_group = g.consumer_group and o.topic = 'events.raw' and o.partition = ev.kafka_partition
    where ev.subject_id = ${sql(of)}.subject_id
      and (not ev.published_to_kafka or (ev.kafka_offset is not null and coalesce(o.last_offset, -1) < ev.kafka_offset)))`;
}

/** Work whose message is lost is due again. An agent that has the message after all finds the attempt taken. */
export async function requeue(sql: Sql, ids: readonly string[]): Promise<void> {
  await sql`
    update lifestream.work set status = 'pending', next_attempt_at = clock_timestamp()
    where id = any(${ids as string[]}::uuid[]) and status = 'queued'`;
  await wakeDispatcher(sql);
}
