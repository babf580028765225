import { messageOf } from "../../engine/errors.ts";
import type { NewRecord } from "../../engine/log.ts";
import { type Outbox, type OutboxRow, type SentRow, type Sql, withoutPayload } from "../../engine/store.ts";
import { EVENTS_TOPIC } from "../../engine/topics.ts";
import type { Database } from "./connect.ts";
import { requireLease } from "./leases.ts";
import { txDeadLetters } from "./set-aside.ts";

/**
 * A payload above this many stored (compressed) bytes stays in the ledger; its record says so and consumers read it
 * from there. Well under the broker's 1 MB limit for a batch.
 */
const INLINE_LIMIT = 128 * 1024;
/** And a record above this many bytes after all, as very repetitive text compresses well. */
const RECORD_LIMIT = 512 * 1024;
/** Most stored payload bytes in one batch, so that a backlog of big pages does not fill the memory. */
const BATCH_BYTES = 16 * 1024 * 1024;
/** How often rows that committed late (below what was sent already) are looked for. */
const LATE_CHECK_MS = 500;

/** The place of a record that never came into the log. */
const NOWHERE = { partition: -1, offset: -1 };

/** The unpublished rows of the ledger, in ledger order. See docs/decisions/0003-ledger-order.md. */
export function createOutbox(db: Database): Outbox {
  let nextLateCheck = 0;
  return {
    async next(lease, limit, sent) {
      return db.begin(async (tx) => {
        await requireLease(tx, lease);
        await markPublished(tx, sent);
        const [batch] = await tx<{ event_ids: string[]; high_water: number; generation: number }[]>`
          select event_ids, high_water, generation from lifestream.outbox_batch for update`;
        if (!batch) throw new Error("lifestream.outbox_batch is empty: run db:migrate");
        if (batch.event_ids.length > 0) return rowsOf(tx, batch.event_ids, batch.generation);
        if (performance.now() >= nextLateCheck) {
          nextLateCheck = performance.now() + LATE_CHECK_MS;
          await moveLateRows(tx, batch.high_water);
        }
        return rowsOf(tx, await planBatch(tx, batch.high_water, limit), batch.generation);
      }) as Promise<OutboxRow[]>;
    },
    async setAside(lease, row, error) {
      await db.begin(async (tx) => {
        await requireLease(tx, lease);
        await txDeadLetters(tx).put([
          {
            id: row.id,
            stage: "relay",
            topic: EVENTS_TOPIC,
            ...NOWHERE,
            key: Buffer.from(row.key),
            value: Buffer.from(row.value),
            headers: row.headers,
            error: messageOf(error),
            errorClass: error.errorClass,
          },
        ]);
        await tx`update lifestream.outbox_batch set event_ids = array_remove(event_ids, ${row.id}::uuid)`;
        await tx`
          update lifestream.events
          set published_to_kafka = true, kafka_topic = null, kafka_partition = null, kafka_offset = null
          where id = ${row.id}`;
      });
    },
    async pending() {
      const [row] = await db<{ count: number }[]>`
        select count(*) as count from lifestream.events where not published_to_kafka`;
      return row?.count ?? 0;
    },
  };
}

/** A transaction that was open while later rows were sent: its rows go behind them, in the order they had. */
async function moveLateRows(tx: Sql, highWater: number): Promise<void> {
  const late = await tx<{ id: string }[]>`
    select id from lifestream.events
    where not published_to_kafka and position <= ${highWater} and kafka_offset is null
    order by position limit 10000`;
  for (const { id } of late) {
    await tx`update lifestream.events
      set position = nextval(pg_get_serial_sequence('lifestream.events', 'position')) where id = ${id}`;
  }
}

/** Chooses the next rows and writes them down before anything is sent. */
async function planBatch(tx: Sql, highWater: number, limit: number): Promise<string[]> {
  const chosen = await tx<{ id: string; position: number }[]>`
    select id, position from (
      select id, position, size, sum(size) over (order by position) as running from (
        select id, position, least(pg_column_size(payload), ${INLINE_LIMIT}) as size from lifestream.events
        where not published_to_kafka and (position > ${highWater} or kafka_offset is not null)
        order by position limit ${limit}) as candidates) as sized
    where running - size < ${BATCH_BYTES} order by position`;
  if (chosen.length === 0) return [];
  const ids = chosen.map((row) => row.id);
  const last = chosen.at(-1)?.position ?? highWater;
  await tx`update lifestream.outbox_batch set event_ids = ${ids}::uuid[], high_water = ${Math.max(highWater, last)}`;
  return ids;
}

/**
 * The records of these rows: the row as JSON, built in Postgres so that the relay never parses a payload. Where the row
 * stands in Kafka is left out, as the first system did: so a value is the same bytes however often it is sent.
 */
async function rowsOf(tx: Sql, ids: readonly string[], generation: number): Promise<OutboxRow[]> {
  if (ids.length === 0) return [];
  const rows = await tx<{ id: string; position: number; key: string; type: string; source: string; value: string }[]>`
    select e.id, e.position, e.subject_id as key, e.event_type as type, e.source, json_build_object(
      'id', e.id, 'occurred_at', ${isoTime(tx, "occurred_at")}, 'received_at', ${isoTime(tx, "received_at")},
      'source', e.source, 'subject', e.subject, 'subject_id', e.subject_id, 'event_type', e.event_type,
      'schema_version', e.schema_version,
      'payload', case when pg_column_size(e.payload) <= ${INLINE_LIMIT}
        and octet_length(e.payload::text) <= ${RECORD_LIMIT} then e.payload end,
      'correlation_id', e.correlation_id, 'causation_id', e.causation_id, 'kafka_topic', null,
      'kafka_partition', null, 'kafka_offset', null, 'published_to_kafka', false,
      'position', e.position)::text as value
    from unnest(${ids as string[]}::uuid[]) with ordinality as batch(id, nth) join lifestream.events e using (id)
    order by e.position`;
  return rows.map(({ id, position, key, type, source, value }) => {
    const row = { id, position, key, value, headers: { event_type: type, source, generation: String(generation) } };
    return bytesOf(row) <= RECORD_LIMIT ? row : withoutPayload(row);
  });
}

/** Milliseconds as the first system wrote them; more digits only where the row has more. */
function isoTime(tx: Sql, column: "occurred_at" | "received_at") {
  const time = tx`(e.${tx(column)} at time zone 'UTC')`;
  return tx`case when date_trunc('milliseconds', e.${tx(column)}) = e.${tx(column)}
    then to_char(${time}, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') else to_char(${time}, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') end`;
}

function bytesOf({ key, value, headers }: NewRecord): number {
  return [key, value, ...Object.values(headers)].reduce((bytes, text) => bytes + Buffer.byteLength(text), 0);
}

async function markPublished(tx: Sql, rows: readonly SentRow[]): Promise<void> {
  if (rows.length === 0) return;
  // Sent in this order: the last of each partition stays.
  const acknowledged = Object.fromEntries(rows.map(({ position }) => [position.partition, position.offset]));
  await tx`
    update lifestream.outbox_batch set event_ids = '{}', acknowledged = acknowledged || ${tx.json(acknowledged)}`;
  await tx`
    update lifestream.events e
    set published_to_kafka = true, kafka_topic = m.topic, kafka_partition = m.partition, kafka_offset = m.kafka_offset
    from unnest(${rows.map((row) => row.id)}::uuid[], ${rows.map((row) => row.position.topic)}::text[],
      ${rows.map((row) => row.position.partition)}::int[], ${rows.map((row) => row.position.offset)}::bigint[])
      as m(id, topic, partition, kafka_offset)
    where e.id = m.id`;
}
