import type { StoredEvent } from "../../engine/event.ts";
import type { Sql, TxDeadLetters, TxParked } from "../../engine/ports.ts";

/** Records that nobody could process, kept with their bytes. The same record twice is one row. */
export function txDeadLetters(tx: Sql): TxDeadLetters {
  return {
    async put(records) {
      for (const record of records) {
        await tx`
          insert into lifestream.dead_letters (id, stage, topic, kafka_partition, kafka_offset, record_key, record_value,
            headers, error, error_class)
          values (${record.id}, ${record.stage}, ${record.topic}, ${record.partition}, ${record.offset},
            ${record.key as Buffer | null}, ${record.value as Buffer | null}, ${tx.json(record.headers)},
            ${record.error}, ${record.errorClass})
          on conflict (id) do nothing`;
      }
    },
  };
}

/** Events that wait for their parent. */
export function txParked(tx: Sql): TxParked {
  const lock = (projection: string) => `lifestream.parked ${projection}`;
  return {
    async hold(projection) {
      await tx`select pg_advisory_xact_lock(hashtextextended(${lock(projection)}, 0))`;
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
    async take(projection, subjectIds) {
      if (subjectIds.length === 0) return [];
      // A statement of its own: the one that looks must see what was committed while this waited.
      await tx`select pg_advisory_xact_lock_shared(hashtextextended(${lock(projection)}, 0))`;
      const rows = await tx<{ event: StoredEvent }[]>`
        delete from lifestream.parked_events
        where projection = ${projection} and waits_for = any(${subjectIds as string[]}) returning event`;
      return rows.map((row) => row.event).sort((a, b) => (a.position ?? 0) - (b.position ?? 0));
    },
  };
}
