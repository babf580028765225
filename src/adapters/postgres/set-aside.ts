import { TOO_NEW } from "../../engine/decode.ts";
import type { StoredEvent } from "../../engine/event.ts";
import type { DeadRecord, FailedAgain, RecordAct, Sql, TxDeadLetters, TxParked } from "../../engine/store.ts";
import { EVENTS_TOPIC } from "../../engine/topics.ts";

/** Records that nobody could process, kept with their bytes. The same record twice is one row. */
export function txDeadLetters(tx: Sql): TxDeadLetters {
  return {
    async put(records) {
      for (const record of records) {
        const { count } = await tx`
          insert into lifestream.dead_letters (id, stage, topic, kafka_partition, kafka_offset, record_key, record_value,
            headers, error, error_class)
          values (${record.id}, ${record.stage}, ${record.topic}, ${record.partition}, ${record.offset},
            ${record.key as Buffer | null}, ${record.value as Buffer | null}, ${tx.json(record.headers)},
            ${record.error}, ${record.errorClass})
          on conflict (id) do nothing`;
        // Only events are ever healed; agents, who set aside messages of work, may not change what lies here.
        if (count === 0 && record.topic === EVENTS_TOPIC) await reopen(tx, record);
      }
    },

    async putUnrouted(records) {
      for (const record of records) {
        // Applied, until the materializer says that it cannot.
        await tx`
          insert into lifestream.dead_letters as d (id, stage, topic, kafka_partition, kafka_offset, record_key,
            record_value, headers, error, error_class, status, unrouted)
          values (${record.id}, ${record.stage}, ${record.topic}, ${record.partition}, ${record.offset},
            ${record.key as Buffer | null}, ${record.value as Buffer | null}, ${tx.json(record.headers)},
            ${record.error}, ${record.errorClass}, 'redriven', true)
          on conflict (id) do update set unrouted = true, ${blame(tx, record)}
          where d.status <> 'discarded'`;
      }
    },

    async find(ids) {
      const rows = await tx<(RecordRow & { unrouted: boolean })[]>`
        select id, stage, topic, kafka_partition, kafka_offset, record_key, record_value, headers, error, error_class,
          unrouted
        from lifestream.dead_letters where id = any(${ids as string[]}::uuid[])`;
      return rows.map((row) => ({ ...toDeadRecord(row), unrouted: row.unrouted }));
    },

    async tooNew(after, limit) {
      const rows = await tx<(RecordRow & { tries: number })[]>`
        select id, stage, topic, kafka_partition, kafka_offset, record_key, record_value, headers, error, error_class, tries
        from lifestream.dead_letters
        where ${waitsForProgram(tx)} and topic = ${EVENTS_TOPIC}
          and (${after}::uuid is null or id > ${after}::uuid)
        order by id limit ${limit}`;
      return rows.map((row) => ({ ...toDeadRecord(row), tries: row.tries }));
    },

    async healed({ id, tries, at, by, reason }) {
      // A replay may have set it aside anew before it comes to the act that healed it: then one try further is ours.
      await tx`
        update lifestream.dead_letters set status = 'redriven', tries = ${tries + 1}, decided_at = ${at},
          decided_by = ${by}, decided_why = ${reason}
        where id = ${id} and (tries = ${tries} and status <> 'redriven' or tries = ${tries + 1} and status = 'open')`;
    },

    async failedAgain({ id, tries, at, by, reason }, { stage, error, errorClass }) {
      await tx`
        update lifestream.dead_letters set status = 'open', tries = ${tries + 1}, stage = ${stage}, error = ${error},
          error_class = ${errorClass}, decided_at = ${at}, decided_by = ${by}, decided_why = ${reason}
        where id = ${id} and tries = ${tries} and status <> 'redriven'`;
    },

    async routed(act) {
      await tx`
        update lifestream.dead_letters d set unrouted = false, ${triedByRouter(tx, act)}
        where id = ${act.id} and unrouted`;
    },

    async unroutedAgain(act, failure) {
      // What was discarded since stays so, also where a replay comes to the acts before that once more.
      await tx`
        update lifestream.dead_letters d set unrouted = true, ${triedByRouter(tx, act)}, ${blame(tx, failure)}
        where id = ${act.id}
          and (status <> 'discarded' or tries = ${act.tries} and decided_at <= ${act.at}::timestamptz)`;
    },

    async discard(acts) {
      for (const { id, tries, at, by, reason } of acts) {
        await tx`
          update lifestream.dead_letters set status = 'discarded', unrouted = false, decided_at = ${at},
            decided_by = ${by}, decided_why = ${reason}
          where id = ${id} and tries = ${tries} and ${isOpen(tx)}`;
      }
    },
  };
}

/** The condition that something is yet to be done about a record; `status` is what the materializer says alone. */
export function isOpen(sql: Sql) {
  return sql`(status = 'open' or unrouted)`;
}

/** The condition that a record waits for a program that knows more: whichever of its readers that is. */
export function waitsForProgram(sql: Sql) {
  return sql`(unrouted or status = 'open' and error_class = ${TOO_NEW})`;
}

/** What is wrong with the row `d`, where the materializer finds nothing wrong. */
function blame(tx: Sql, { stage, error, errorClass }: FailedAgain) {
  return tx`
    stage = case when d.status = 'redriven' then ${stage} else d.stage end,
    error = case when d.status = 'redriven' then ${error} else d.error end,
    error_class = case when d.status = 'redriven' then ${errorClass} else d.error_class end`;
}

/** The router's answer to an act on the row `d`; the materializer counts the try where it has an answer to give itself. */
function triedByRouter(tx: Sql, { tries, at, by, reason }: RecordAct) {
  return tx`
    tries = case when d.status = 'redriven' then greatest(d.tries, ${tries + 1}) else d.tries end,
    decided_at = ${at}, decided_by = ${by}, decided_why = ${reason}`;
}

/** It seemed healed, and fails again: as when an older program reads all anew. */
async function reopen(tx: Sql, { id, stage, error, errorClass }: DeadRecord): Promise<void> {
  await tx`
    update lifestream.dead_letters set status = 'open', stage = ${stage}, error = ${error}, error_class = ${errorClass}
    where id = ${id} and status = 'redriven'`;
}

/** A row of the dead letters. */
export interface RecordRow {
  id: string;
  stage: string;
  topic: string;
  kafka_partition: number;
  kafka_offset: number;
  record_key: Buffer | null;
  record_value: Buffer | null;
  headers: Record<string, string>;
  error: string;
  error_class: string;
}

/** The record as it was read. */
export function toDeadRecord(row: RecordRow): DeadRecord {
  return {
    id: row.id,
    stage: row.stage,
    topic: row.topic,
    partition: row.kafka_partition,
    offset: row.kafka_offset,
    key: row.record_key,
    value: row.record_value,
    headers: row.headers,
    error: row.error,
    errorClass: row.error_class,
  };
}

/**
 * Events that wait for their parent. `alone`: the table is seen by this transaction only, so nobody is kept from it; the
 * locks would be the live table's.
 */
export function txParked(tx: Sql, { alone = false } = {}): TxParked {
  const lock = (projection: string) => `lifestream.parked ${projection}`;
  return {
    async hold(projection) {
      if (!alone) await tx`select pg_advisory_xact_lock(hashtextextended(${lock(projection)}, 0))`;
    },
    async put(events) {
      if (events.length === 0) return;
      await tx`
        insert into lifestream.parked_events (projection, event_id, waits_for, event)
        select projection, event_id, waits_for, event
        from jsonb_to_recordset(${tx.json(
          events.map((parked) => ({
            projection: parked.projection,
            event_id: parked.event.id,
            waits_for: parked.waitsFor,
            event: parked.event,
          })) as never,
        )}) as p(projection text, event_id uuid, waits_for text, event jsonb)
        on conflict (projection, event_id) do nothing`;
    },
    async awaited(projection, subjectIds) {
      const rows = await tx<{ waits_for: string }[]>`
        select distinct waits_for from lifestream.parked_events
        where projection = ${projection} and waits_for = any(${subjectIds as string[]})`;
      return rows.map((row) => row.waits_for);
    },
    async take(projection, subjectIds) {
      if (subjectIds.length === 0) return [];
      // A statement of its own: the one that looks must see what was committed while this waited.
      if (!alone) await tx`select pg_advisory_xact_lock_shared(hashtextextended(${lock(projection)}, 0))`;
      const rows = await tx<{ event: StoredEvent }[]>`
        delete from lifestream.parked_events
        where projection = ${projection} and waits_for = any(${subjectIds as string[]}) returning event`;
      return rows.map((row) => row.event).sort((a, b) => (a.position ?? 0) - (b.position ?? 0));
    },
  };
}
