import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { App } from "../../src/app.ts";
import { bookkeeping } from "../support/bookkeeping.ts";

/** One minute's measures. Memory and disk in MB, lag and dead tuples in rows, WAL in MB since the start. */
export type Sample = Readonly<Record<string, number>>;

/** A row for each time that the ledger had to flow anew, or messages to be sent again: for faults, not for events. */
const HEALED = ["ledger_flows", "resent_messages"];
export const BOOKKEEPING_ROWS = "bookkeeping rows";
export const BOOKKEEPING_KB = "bookkeeping KB";

const MB = 1024 * 1024;
/** The unit of `stat`. */
const BLOCK = 512;

/** Resident memory of a process in MB, by /proc; 0: it is gone. */
export function residentMb(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1_024;
  } catch {
    return 0;
  }
}

/** What a folder takes of the disk, in MB (Kafka's indexes are files with holes); a file that goes while we look counts nothing. */
export function folderMb(folder: string): number {
  let blocks = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    blocks += statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.blocks ?? 0;
  }
  return (blocks * BLOCK) / MB;
}

/** Events in the ledger, how far each group is behind, dead tuples, bytes of write-ahead log so far, and of tables. */
export async function databaseSample(app: Pick<App, "db" | "registry">): Promise<Sample> {
  const kept = [...(await bookkeeping(app))];
  const [row] = await app.db<Record<string, number>[]>`
    select (select count(*) from lifestream.events) as events,
      (select count(*) from lifestream.links where status = 'published' and visibility = 'public') as "public links",
      (select count(*) from lifestream.events where not published_to_kafka)
        + (select count(*) from lifestream.events e join lifestream.kafka_offsets o
           on o.topic = e.kafka_topic and o.partition = e.kafka_partition and o.consumer_group = 'materializer-v1'
           where e.kafka_offset > o.last_offset) as lag,
      (select coalesce(sum(n_dead_tup), 0)::bigint from pg_stat_user_tables) as "dead tuples",
      (pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') / ${MB})::bigint as "WAL MB",
      (select coalesce(sum(pg_total_relation_size(c.oid)), 0) / ${MB} from pg_class c
       join pg_namespace n on n.oid = c.relnamespace
       where n.nspname = 'lifestream' and c.relkind = 'r' and c.relname <> all(${["events", ...kept.map(([name]) => name)]}))
       ::bigint as "state and work MB"`;
  return {
    ...row,
    [BOOKKEEPING_ROWS]: sumOf(kept.map(([name, { rows }]) => (HEALED.includes(name) ? 0 : rows))),
    [BOOKKEEPING_KB]: sumOf(kept.map(([, { bytes }]) => bytes)) / 1_024,
  };
}

const sumOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);
