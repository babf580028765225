import { unwrap } from "../../engine/decode.ts";
import type { Payload, StoredEvent } from "../../engine/event.ts";
import type { Ledger, LedgerRow, Sql, TxLedger } from "../../engine/store.ts";
import type { Database } from "./connect.ts";

/** A row of `lifestream.events`, without where it stands in Kafka. */
export interface EventRow {
  id: string;
  occurred_at: string;
  received_at: string;
  source: string;
  subject: string;
  subject_id: string;
  event_type: string;
  schema_version: number;
  payload: Payload | string;
  correlation_id: string | null;
  causation_id: string | null;
  position: number;
}

/** A ledger row as the engine knows it. Older programs stored some payloads as text holding JSON: unwrapped once. */
export function toStoredEvent(row: EventRow): StoredEvent {
  return {
    id: row.id,
    occurredAt: row.occurred_at,
    receivedAt: row.received_at,
    source: row.source,
    subject: row.subject,
    subjectId: row.subject_id,
    type: row.event_type,
    schemaVersion: row.schema_version,
    payload: unwrap(row.payload),
    correlationId: row.correlation_id,
    causationId: row.causation_id,
    position: row.position,
  };
}

const columnsOf = (db: Database | Sql) => db`id, occurred_at, received_at, source, subject, subject_id, event_type,
  schema_version, payload, correlation_id, causation_id, position`;

/** Reads of the ledger outside of any transaction. */
export function createLedger(db: Database): Ledger {
  const columns = columnsOf(db);
  return {
    async find(ids) {
      const rows = await db<EventRow[]>`
        select ${columns} from lifestream.events where id = any(${ids as string[]}::uuid[]) order by position`;
      return rows.map(toStoredEvent);
    },
    async ofSubject(subjectId) {
      const rows = await db<EventRow[]>`
        select ${columns} from lifestream.events where subject_id = ${subjectId} order by position`;
      return rows.map(toStoredEvent);
    },
  };
}

/** The ledger within a transaction. */
export function txLedger(tx: Sql): TxLedger {
  return {
    async append(rows) {
      if (rows.length === 0) return [];
      const inserted = await tx<{ id: string }[]>`
        insert into lifestream.events (id, occurred_at, source, subject, subject_id, event_type, schema_version, payload,
          correlation_id, causation_id)
        select id, occurred_at, source, subject, subject_id, event_type, schema_version, payload, correlation_id, causation_id
        from rows from (jsonb_to_recordset(${tx.json(rows.map(toColumns) as never)}) as (id uuid,
          occurred_at timestamptz, source text, subject text, subject_id text, event_type text, schema_version int,
          payload jsonb, correlation_id uuid, causation_id uuid)) with ordinality
        order by ordinality
        on conflict (id) do nothing returning id`;
      return inserted.map((row) => row.id);
    },
    async confirm(ids) {
      const rows = await tx<{ generation: number; id: string | null; position: number; settled: boolean }[]>`
        select b.generation, e.id, e.position, e.event_type <> 'state.adopted' and exists (
          select from lifestream.events a
          where a.event_type = 'state.adopted' and a.subject_id = e.subject_id and a.subject = e.subject
            and a.position > e.position and a.payload->'settled' = 'true') as settled
        from lifestream.outbox_batch b left join lifestream.events e on e.id = any(${ids as string[]}::uuid[])`;
      const known = rows.flatMap((row) => (row.id === null ? [] : [{ ...row, id: row.id }]));
      return {
        generation: rows[0]?.generation ?? 1,
        positions: new Map(known.map(({ id, position }) => [id, position])),
        settled: new Set(known.filter((row) => row.settled).map((row) => row.id)),
      };
    },
    async holds(ids) {
      const rows = await tx<
        { id: string }[]
      >`select id from lifestream.events where id = any(${ids as string[]}::uuid[])`;
      return new Set(rows.map((row) => row.id));
    },
    async payloadsOf(ids) {
      if (ids.length === 0) return new Map();
      const rows = await tx<{ id: string; payload: Payload }[]>`
        select id, payload from lifestream.events where id = any(${ids as string[]}::uuid[])`;
      return new Map(rows.map((row) => [row.id, row.payload]));
    },
    async find(ids) {
      const rows = await tx<EventRow[]>`
        select ${columnsOf(tx)} from lifestream.events where id = any(${ids as string[]}::uuid[]) order by position`;
      return rows.map(toStoredEvent);
    },
    async stretch(subjectId, from, to, limit) {
      const rows = await tx<EventRow[]>`
        select ${columnsOf(tx)} from lifestream.events e
        where subject_id = ${subjectId} and position between ${from} and ${to}
          and (published_to_kafka or kafka_offset is not null
            or exists (select from lifestream.outbox_batch where e.id = any(event_ids)))
        order by position limit ${limit}`;
      return rows.map(toStoredEvent);
    },
  };
}

function toColumns(row: LedgerRow) {
  return {
    id: row.id,
    occurred_at: row.occurredAt,
    source: row.source,
    subject: row.subject,
    subject_id: row.subjectId,
    event_type: row.type,
    schema_version: row.schemaVersion,
    payload: row.payload,
    correlation_id: row.correlationId,
    causation_id: row.causationId,
  };
}
