import type { StoredEvent } from "../engine/event.ts";
import type { Sql } from "../engine/store.ts";
import { MATERIALIZER_GROUP } from "../pipeline/materializer.ts";
import { differingSubjects } from "./difference.ts";
import type { OwnedTable } from "./owned.ts";

/*
 * Subjects that a comparison says nothing about, in `pg_temp.left_out`: their live rows may lack an event that the fold
 * has, and rightly so.
 */

/** Subjects that were not compared, by why. */
export interface LeftOut {
  /** Events of theirs are on the way to the tables. */
  readonly onTheirWay: number;
  /** Their rows lack an event whose record was set aside. */
  readonly readAfterAll: number;
}

/** Makes the lists that the functions below write to. */
export async function prepareLeftOut(tx: Sql): Promise<void> {
  await tx`create temp table left_out (subject_id text primary key, why text not null) on commit drop`;
  await tx`create temp table events_aside (event_id uuid primary key, subject_id text) on commit drop`;
}

/**
 * Leaves out subjects whose events the materializer has not handled: it says how far it is, in each partition of the
 * ledger's present flow, where one that the relay has set aside never comes; and subjects with an event parked for one of those. Returns how many events are on their way.
 */
export async function leaveOutOnTheirWay(tx: Sql): Promise<number> {
  const [row] = await tx<{ events: number }[]>`
    with waiting as (
      select e.subject_id
      from lifestream.events e
      left join lifestream.kafka_offsets o on o.consumer_group = ${MATERIALIZER_GROUP} and o.topic = e.kafka_topic
        and o.partition = e.kafka_partition and o.last_generation = (select generation from lifestream.outbox_batch)
      where (not e.published_to_kafka or o.last_position is null or e.position > o.last_position)
        and not (e.published_to_kafka and exists (select from lifestream.dead_letters d where d.id = e.id))),
    noted as (insert into pg_temp.left_out select distinct subject_id, 'on its way' from waiting)
    select count(*) as events from waiting`;
  await leaveOutParked(tx);
  return row?.events ?? 0;
}

/** Leaves out subjects with an event parked for one that is left out. */
async function leaveOutParked(tx: Sql): Promise<void> {
  await tx`
    insert into pg_temp.left_out
    select distinct on (1) p.event ->> 'subjectId', o.why from lifestream.parked_events p
    join pg_temp.left_out o on o.subject_id = p.waits_for
    on conflict do nothing`;
}

/**
 * Notes the events whose record was set aside and that no redrive has healed. Records that the relay sent begin with the
 * event's id; of a page's megabytes, only the first bytes are looked at.
 */
export async function noteEventsAside(tx: Sql): Promise<void> {
  await tx`
    insert into pg_temp.events_aside
    select distinct found.id::uuid from (
      select substring(encode(substr(record_value, 1, 400), 'escape')
        from '"id" ?: ?"([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})"') as id
      from lifestream.dead_letters where topic = 'events.raw' and status <> 'redriven') as found
    where found.id is not null`;
}

/** Notes of which subject the fold applied an event that had been set aside. */
export async function noteReadAfterAll(tx: Sql, applied: readonly StoredEvent[]): Promise<void> {
  await tx`
    update pg_temp.events_aside a set subject_id = e.subject_id
    from unnest(${applied.map(({ id }) => id)}::uuid[], ${applied.map((e) => e.subjectId)}::text[])
      as e(event_id, subject_id) where a.event_id = e.event_id`;
}

/**
 * Leaves out subjects whose rows lack an event that had been set aside; once a rebuild has applied it, they can be
 * compared like others. Returns how many such events.
 */
export async function leaveOutReadAfterAll(tx: Sql, tables: readonly OwnedTable[]): Promise<number> {
  for (const table of tables.filter(({ columns }) => columns.includes("subject_id"))) {
    await tx`
      insert into pg_temp.left_out select subject_id, 'set aside' from (${differingSubjects(tx, table)}) as d
      where subject_id in (select subject_id from pg_temp.events_aside) on conflict do nothing`;
  }
  await leaveOutParked(tx);
  const [row] = await tx<{ events: number }[]>`
    select count(*) as events from pg_temp.events_aside a join pg_temp.left_out o using (subject_id)
    where o.why = 'set aside'`;
  return row?.events ?? 0;
}

/** How many subjects are left out. */
export async function countLeftOut(tx: Sql): Promise<LeftOut> {
  const [row] = await tx<LeftOut[]>`
    select count(*) filter (where why = 'on its way') as "onTheirWay",
      count(*) filter (where why = 'set aside') as "readAfterAll" from pg_temp.left_out`;
  return row ?? { onTheirWay: 0, readAfterAll: 0 };
}
