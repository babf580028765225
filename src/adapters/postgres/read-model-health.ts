import type { Flow, LedgerHealth, StoredHealth } from "../../engine/health.ts";
import type { Sql } from "../../engine/store.ts";
import type { WorkStatus } from "../../engine/work.ts";
import { readResent } from "./resent.ts";
import { isOpen, waitsForProgram } from "./set-aside.ts";

/** How many dead letters and the like are listed. */
const LISTED = 20;
/** How often the ledger flowed again is listed so far back. */
const FLOWS = 5;
/** Above this many events the ledger's size is Postgres' estimate: counting would take longer than a page may. */
const EXACT_BELOW = 500_000;

/** What Postgres knows of the pipeline's health. */
export async function readHealth(sql: Sql): Promise<StoredHealth> {
  return {
    ledger: await ledger(sql),
    work: await sql<{ type: string; status: WorkStatus; count: number }[]>`
      select work_type as type, status, count(*) as count from lifestream.work group by 1, 2 order by 1, 2`,
    resent: await readResent(sql),
    deadWork: await deadWork(sql),
    deadRecords: await deadRecords(sql),
    tooNew: await tooNew(sql),
    parked: await parked(sql),
    leases: await sql`
      select name, holder, expires_at as "expiresAt", expires_at > clock_timestamp() as held
      from lifestream.leases order by name`,
    positions: await sql`
      select consumer_group as "group", topic, partition, last_offset as "lastOffset", topic_id as "topicId",
        updated_at as "updatedAt" from lifestream.kafka_offsets order by 1, 2, 3`,
  };
}

/** Connections of our programs, by program and by what each does just now. */
export async function readConnections(sql: Sql): Promise<{ application: string; state: string; count: number }[]> {
  return sql`
    select substr(application_name, length(${APPLICATION}) + 1) as application, coalesce(state, 'unknown') as state,
      count(*) as count
    from pg_stat_activity where datname = current_database() and starts_with(application_name, ${APPLICATION})
    group by 1, 2 order by 1, 2`;
}

/** How `connect` names every connection. */
const APPLICATION = "stream-agents ";

async function ledger(sql: Sql): Promise<LedgerHealth> {
  const [size] = await sql<{ estimate: number }[]>`
    select reltuples::bigint as estimate from pg_class where oid = 'lifestream.events'::regclass`;
  const estimate = size?.estimate ?? 0;
  const exact = estimate < EXACT_BELOW;
  const [all] = exact ? await sql<{ count: number }[]>`select count(*) as count from lifestream.events` : [];
  const [waiting] = await sql<{ count: number; oldest: string | null }[]>`
    select count(*) as count, min(received_at) as oldest from lifestream.events where not published_to_kafka`;
  const flows = await sql<(Flow & { total: number })[]>`
    select started_at as at, reason, events, count(*) over () as total from lifestream.ledger_flows
    order by generation desc limit ${FLOWS}`;
  return {
    events: all?.count ?? estimate,
    exact,
    unpublished: waiting?.count ?? 0,
    oldestUnpublishedAt: waiting?.oldest ?? null,
    flowedAnew: split(flows),
  };
}

async function deadWork(sql: Sql): Promise<StoredHealth["deadWork"]> {
  const latest = await sql<(StoredHealth["deadWork"]["latest"][number] & { total: number })[]>`
    select id, work_type as type, subject_id as "subjectId", attempt as attempts, coalesce(last_error, '') as error,
      error_class as "errorClass", finished_at as at, count(*) over () as total
    from lifestream.work where status = 'dead' order by finished_at desc limit ${LISTED}`;
  return split(latest);
}

async function deadRecords(sql: Sql): Promise<StoredHealth["deadRecords"]> {
  const latest = await sql<(StoredHealth["deadRecords"]["latest"][number] & { total: number })[]>`
    select id, stage, topic, kafka_partition as partition, kafka_offset as "offset", error,
      error_class as "errorClass", created_at as at, count(*) over () as total
    from lifestream.dead_letters where ${isOpen(sql)} and not ${waitsForProgram(sql)}
    order by created_at desc limit ${LISTED}`;
  return split(latest);
}

async function tooNew(sql: Sql): Promise<StoredHealth["tooNew"]> {
  const latest = await sql<(StoredHealth["tooNew"]["latest"][number] & { total: number })[]>`
    select error, count(*) as events, min(created_at) as since, (sum(count(*)) over ())::bigint as total
    from lifestream.dead_letters where ${waitsForProgram(sql)}
    group by 1 order by 2 desc limit ${LISTED}`;
  return split(latest);
}

async function parked(sql: Sql): Promise<StoredHealth["parked"]> {
  const latest = await sql<(StoredHealth["parked"]["latest"][number] & { total: number })[]>`
    select projection, waits_for as "waitsFor", count(*) as events, min(parked_at) as since,
      (sum(count(*)) over ())::bigint as total
    from lifestream.parked_events group by 1, 2 order by 4 desc limit ${LISTED}`;
  return split(latest);
}

function split<T>(rows: readonly (T & { total: number })[]) {
  return { total: rows[0]?.total ?? 0, latest: rows.map(({ total: _, ...row }) => row as unknown as T) };
}
