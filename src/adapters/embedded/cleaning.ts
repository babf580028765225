import type { LogDb } from "./database.ts";

/** Rows that one statement deletes at most. */
const STEP = 2_000;
/** A group that nobody was in for this long is forgotten, as Kafka forgets its offsets. */
const GROUP_KEPT = "7 days";

/** Kafka's defaults, for topics that say nothing. */
const RETENTION_MS = 7 * 86_400_000;
const COMPACTION_LAG_MS = 3_600_000;
const TOMBSTONE_MS = 86_400_000;

interface Dirty {
  readonly id: number;
  /** Null: its topic was deleted. */
  readonly config: Readonly<Record<string, string>> | null;
}

/** One small step for every partition: what its topic's settings say may go. Returns how many rows went. */
export async function cleanOnce(db: LogDb): Promise<number> {
  const partitions = await db<Dirty[]>`
    select p.id, t.config from lifestream.log_partitions p left join lifestream.log_topics t on t.id = p.topic_id
    order by p.id`;
  let gone = 0;
  for (const partition of partitions) gone += await cleanPartition(db, partition);
  return gone;
}

/** Groups without members whose time is over. */
export async function forgetGroups(db: LogDb): Promise<void> {
  await db`delete from lifestream.log_members where expires_at < clock_timestamp() - interval '1 hour'`;
  await db`
    delete from lifestream.log_groups g where used_at < clock_timestamp() - ${GROUP_KEPT}::interval
      and not exists (select 1 from lifestream.log_members m where m.group_name = g.name)`;
}

async function cleanPartition(db: LogDb, { id, config }: Dirty): Promise<number> {
  if (!config) return clearDeleted(db, id);
  const policies = (config["cleanup.policy"] ?? "delete").split(",");
  const expired = policies.includes("delete")
    ? await expire(db, id, Number(config["retention.ms"] ?? RETENTION_MS))
    : 0;
  return policies.includes("compact") ? expired + (await compact(db, id, config)) : expired;
}

/** Records of a deleted topic; with the last of them goes the partition's row. */
async function clearDeleted(db: LogDb, id: number): Promise<number> {
  const { count } = await db`
    delete from lifestream.log_records where partition_id = ${id} and record_offset in (
      select record_offset from lifestream.log_records where partition_id = ${id} order by record_offset limit ${STEP})`;
  if (count === 0) await db`delete from lifestream.log_partitions where id = ${id}`;
  return count;
}

/** Retention: records older than `keptMs` go, from the oldest up to the first that stays. Negative: kept for ever. */
async function expire(db: LogDb, id: number, keptMs: number): Promise<number> {
  if (keptMs < 0) return 0;
  const { count } = await db`
    with oldest as (
      select record_offset, appended_at < clock_timestamp() - ${keptMs} * interval '1 millisecond' as expired
      from lifestream.log_records
      where partition_id = ${id}
        and record_offset >= (select start_offset from lifestream.log_partitions where id = ${id})
      order by record_offset limit ${STEP}
    ), bound as (
      select coalesce(min(record_offset) filter (where not expired), max(record_offset) + 1) as first_kept from oldest
    ), moved as (
      update lifestream.log_partitions set start_offset = first_kept
      from bound where id = ${id} and first_kept > start_offset
    )
    delete from lifestream.log_records using bound where partition_id = ${id} and record_offset < first_kept`;
  return count;
}

/**
 * Compaction: of the records that are older than the lag, only the last of each key stays, and it goes too if it is a
 * tombstone past its time. What was compacted before holds a key at most once, so a step deletes little.
 */
async function compact(db: LogDb, id: number, config: Readonly<Record<string, string>>): Promise<number> {
  const lagMs = Number(config["max.compaction.lag.ms"] ?? COMPACTION_LAG_MS);
  const tombstoneMs = Number(config["delete.retention.ms"] ?? TOMBSTONE_MS);
  const older = await db`
    with step as (
      select record_offset, key from lifestream.log_records
      where partition_id = ${id} and appended_at < clock_timestamp() - ${lagMs} * interval '1 millisecond'
        and record_offset >= (select compacted_to from lifestream.log_partitions where id = ${id})
      order by record_offset limit ${STEP}
    ), last as (
      select key, max(record_offset) as record_offset from step where key is not null group by key
    ), moved as (
      update lifestream.log_partitions set compacted_to = (select max(record_offset) + 1 from step)
      where id = ${id} and exists (select 1 from step)
    )
    delete from lifestream.log_records r using last
    where r.partition_id = ${id} and r.key = last.key and r.record_offset < last.record_offset`;
  const tombstones = await db`
    delete from lifestream.log_records r using lifestream.log_partitions p
    where p.id = ${id} and r.partition_id = p.id and r.record_offset < p.compacted_to and r.value is null
      and r.appended_at < clock_timestamp() - ${tombstoneMs} * interval '1 millisecond'`;
  return older.count + tombstones.count;
}
