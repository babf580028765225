import type { LogRecord } from "../../engine/log.ts";
import type { LogDb } from "./database.ts";
import type { Assignment } from "./group.ts";

/** Most bytes of keys and values that one partition gives in one fetch; a single record may be more. */
const PARTITION_BYTES = 4_000_000;

/** An assignment that is being read. */
export interface Cursor extends Assignment {
  /** Offset of the next record to read. */
  readonly next: number;
}

interface Row extends Omit<LogRecord, "topic" | "partition" | "offset" | "headers"> {
  readonly partition_id: number;
  /** Null: there is nothing to read, as the partition ends before the cursor. */
  readonly offset: number | null;
  readonly headers: Record<string, string> | null;
}

/** What a fetch found, by the partition's epoch. */
export interface Fetched {
  readonly records: ReadonlyMap<number, LogRecord[]>;
  /** Cursors after the partition's end: it has lost its tail. */
  readonly beyond: readonly number[];
}

/** The next records of every partition, in one statement, at most `limit` of each. */
export async function fetchRecords(db: LogDb, cursors: readonly Cursor[], limit: number): Promise<Fetched> {
  const rows = await db<Row[]>`
    select p.id as partition_id, r.record_offset as offset, r.key, r.value, r.headers,
      floor(extract(epoch from r.appended_at) * 1000)::bigint as timestamp
    from unnest(
      ${cursors.map((cursor) => cursor.partition_id)}::bigint[], ${cursors.map((cursor) => cursor.next)}::bigint[]
    ) as wanted (id, next)
    join lifestream.log_partitions p using (id)
    left join lateral (
      select *, sum(coalesce(octet_length(key), 0) + coalesce(octet_length(value), 0)) over so_far as bytes,
        row_number() over so_far as nth
      from (
        select * from lifestream.log_records
        where partition_id = wanted.id and record_offset >= wanted.next
        order by record_offset limit ${limit}
      ) as following
      window so_far as (order by record_offset rows unbounded preceding)
    ) as r on r.nth = 1 or r.bytes <= ${PARTITION_BYTES}
    where r.record_offset is not null or p.next_offset < wanted.next
    order by partition_id, r.record_offset`;
  const byId = new Map(cursors.map((cursor) => [cursor.partition_id, cursor]));
  const fetched = new Map<number, LogRecord[]>();
  const beyond: number[] = [];
  for (const { partition_id, offset, headers, ...record } of rows) {
    const cursor = byId.get(partition_id);
    if (!cursor) continue;
    const { topic, partition, epoch } = cursor;
    if (offset === null) beyond.push(epoch);
    else {
      const records = fetched.get(epoch) ?? [];
      records.push({ topic, partition, offset, ...record, headers: headers ?? {} });
      fetched.set(epoch, records);
    }
  }
  return { records: fetched, beyond };
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
