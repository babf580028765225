import type { LogRecord } from "../../engine/ports.ts";
import type { LogDb } from "./database.ts";
import type { Assignment } from "./group.ts";

/** Most bytes of keys and values that one partition gives in one fetch; a single record may be more. */
const PARTITION_BYTES = 4_000_000;

/** An assignment that is being read. */
export interface Cursor extends Assignment {
  /** Offset of the next record to read. */
  readonly next: number;
}

interface Row extends Omit<LogRecord, "topic" | "partition" | "headers"> {
  readonly partition_id: number;
  readonly headers: Record<string, string> | null;
}

/** The next records of every partition, in one statement; by the partition's epoch, at most `limit` of each. */
export async function fetchRecords(
  db: LogDb,
  cursors: readonly Cursor[],
  limit: number,
): Promise<Map<number, LogRecord[]>> {
  const rows = await db<Row[]>`
    select r.partition_id, r.record_offset as offset, r.key, r.value, r.headers,
      floor(extract(epoch from r.appended_at) * 1000)::bigint as timestamp
    from unnest(
      ${cursors.map((cursor) => cursor.partition_id)}::bigint[], ${cursors.map((cursor) => cursor.next)}::bigint[]
    ) as wanted (id, next)
    cross join lateral (
      select *, sum(coalesce(octet_length(key), 0) + coalesce(octet_length(value), 0)) over so_far as bytes,
        row_number() over so_far as nth
      from (
        select * from lifestream.log_records
        where partition_id = wanted.id and record_offset >= wanted.next
        order by record_offset limit ${limit}
      ) as following
      window so_far as (order by record_offset rows unbounded preceding)
    ) as r
    where r.nth = 1 or r.bytes <= ${PARTITION_BYTES}
    order by r.partition_id, r.record_offset`;
  const byId = new Map(cursors.map((cursor) => [cursor.partition_id, cursor]));
  const fetched = new Map<number, LogRecord[]>();
  for (const { partition_id, headers, ...record } of rows) {
    const cursor = byId.get(partition_id);
    if (!cursor) continue;
    const records = fetched.get(cursor.epoch) ?? [];
    records.push({ topic: cursor.topic, partition: cursor.partition, ...record, headers: headers ?? {} });
    fetched.set(cursor.epoch, records);
  }
  return fetched;
}

/**
 * Where to begin: the store's word, else the group's commit, else the first record there is. An offset after the end
 * belongs to records that are gone (a database restored from a backup): from the first, so that nothing is skipped.
 */
export async function startingPoints(
  db: LogDb,
  assignments: readonly Assignment[],
  wanted: (assignment: Assignment) => number | undefined,
): Promise<Cursor[]> {
  const rows = await db<{ id: number; start_offset: number; next_offset: number }[]>`
    select id, start_offset, next_offset from lifestream.log_partitions
    where id = any(${assignments.map((assignment) => assignment.partition_id)}::bigint[])`;
  const bounds = new Map(rows.map((row) => [row.id, row]));
  return assignments.flatMap((assignment) => {
    const bound = bounds.get(assignment.partition_id);
    if (!bound) return [];
    const next = wanted(assignment) ?? assignment.committed ?? bound.start_offset;
    return [{ ...assignment, next: next > bound.next_offset ? bound.start_offset : next }];
  });
}
