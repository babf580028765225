import type { SubjectHistory, WorkItem } from "../../engine/history.ts";
import type { Sql } from "../../engine/store.ts";
import type { WorkStatus } from "../../engine/work.ts";
import { toStoredEvent } from "./ledger.ts";

/** Most events and work items of a subject that are shown; a sensor has very many. */
const LIMIT = 200;
/** Most rows of one state table. */
const ROWS = 20;
/** Texts longer than this are cut where a person only wants to see what is there. */
const TEXT = 400;

interface HistoryOptions {
  readonly stateTables: readonly string[];
  readonly full: boolean;
}

/** All that is known of a subject; null where that is nothing. */
export async function readHistory(
  sql: Sql,
  subjectId: string,
  options: HistoryOptions,
): Promise<SubjectHistory | null> {
  const state = await stateOf(sql, subjectId, options);
  const { events, total } = await eventsOf(sql, subjectId, options.full);
  const { work, total: allWork } = await workOf(sql, subjectId);
  const parked = await parkedOf(sql, subjectId);
  if (state.length + events.length + work.length === 0) return null;
  return {
    subjectId,
    state,
    events,
    moreEvents: total - events.length,
    work,
    moreWork: allWork - work.length,
    parked,
  };
}

/** Rows about a subject in every state table: its own, and those of others that name it (`link_subject_id`). */
async function stateOf(sql: Sql, subjectId: string, { stateTables, full }: HistoryOptions) {
  const columns = await sql<{ table_name: string; column_name: string; time: string | null }[]>`
    select c.table_name, c.column_name, (select t.column_name from information_schema.columns t
      where t.table_schema = c.table_schema and t.table_name = c.table_name
        and t.column_name in ('occurred_at', 'created_at') order by t.column_name desc limit 1) as time
    from information_schema.columns c
    where c.table_schema = 'lifestream' and c.table_name = any(${["subjects", ...stateTables]})
      and (c.column_name = 'subject_id' or c.column_name like '%\\_subject\\_id')`;
  const found: { table: string; rows: Record<string, unknown>[]; more: number }[] = [];
  for (const table of ["subjects", ...stateTables]) {
    const own = columns.filter((column) => column.table_name === table);
    const [first] = own;
    if (!first) continue;
    const where = own.map((column) => sql`${sql(column.column_name)} = ${subjectId}`);
    const matches = where.reduce((all, one) => sql`${all} or ${one}`);
    const order = first.time ? sql`order by ${sql(first.time)} desc` : sql``;
    const rows = await sql<{ row: Record<string, unknown>; total: number }[]>`
      select to_jsonb(t) as row, count(*) over () as total from ${sql(`lifestream.${table}`)} t
      where ${matches} ${order} limit ${ROWS}`;
    const shown = rows.map(({ row }) => (full ? row : shorten(row)));
    if (rows.length > 0) found.push({ table, rows: shown.reverse(), more: (rows[0]?.total ?? 0) - rows.length });
  }
  return found;
}

function shorten(row: Record<string, unknown>): Record<string, unknown> {
  const cut = (value: unknown) =>
    typeof value === "string" && value.length > TEXT ? `${value.slice(0, TEXT)} …` : value;
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, cut(value)]));
}

/** Latest events, oldest first. Long texts are cut in Postgres, so that pages of text never travel to be dropped. */
async function eventsOf(sql: Sql, subjectId: string, full: boolean) {
  const payload = full
    ? sql`payload`
    : sql`case when jsonb_typeof(payload) = 'object' and pg_column_size(payload) > ${TEXT} then (
        select coalesce(jsonb_object_agg(key, case when jsonb_typeof(value) = 'string' and length(value #>> '{}') > ${TEXT}
          then to_jsonb(left(value #>> '{}', ${TEXT}) || ' …') else value end), '{}') from jsonb_each(payload))
      else payload end`;
  const rows = await sql<EventRow[]>`
    select id, occurred_at, received_at, source, subject, subject_id, event_type, schema_version, ${payload} as payload,
      correlation_id, causation_id, position
    from (select * from lifestream.events where subject_id = ${subjectId} order by position desc limit ${LIMIT}) as latest
    order by position`;
  if (rows.length < LIMIT) return { events: rows.map(toStoredEvent), total: rows.length };
  const [all] = await sql<{ count: number }[]>`
    select count(*) as count from lifestream.events where subject_id = ${subjectId}`;
  return { events: rows.map(toStoredEvent), total: all?.count ?? rows.length };
}

type EventRow = Parameters<typeof toStoredEvent>[0];

interface WorkItemRow {
  id: string;
  work_type: string;
  status: WorkStatus;
  attempt: number;
  round: number;
  max_attempts: number;
  agent: string | null;
  triggered_by_event_id: string;
  created_at: string;
  next_attempt_at: string;
  started_at: string | null;
  finished_at: string | null;
  last_error: string | null;
  error_class: string | null;
  total: number;
}

async function workOf(sql: Sql, subjectId: string): Promise<{ work: WorkItem[]; total: number }> {
  const rows = await sql<WorkItemRow[]>`
    select id, work_type, status, attempt - attempts_before as attempt, round, max_attempts, agent, triggered_by_event_id, created_at, next_attempt_at,
      started_at, finished_at, last_error, error_class, count(*) over () as total
    from lifestream.work where subject_id = ${subjectId} order by created_at desc limit ${LIMIT}`;
  return { work: rows.map(toWorkItem).reverse(), total: rows[0]?.total ?? 0 };
}

function toWorkItem(row: WorkItemRow): WorkItem {
  return {
    id: row.id,
    type: row.work_type,
    status: row.status,
    attempt: row.attempt,
    round: row.round,
    maxAttempts: row.max_attempts,
    agent: row.agent,
    triggeredByEventId: row.triggered_by_event_id,
    createdAt: row.created_at,
    nextAttemptAt: row.next_attempt_at,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    lastError: row.last_error,
    errorClass: row.error_class,
  };
}

async function parkedOf(sql: Sql, subjectId: string) {
  const rows = await sql<{ event_id: string; type: string | null; waits_for: string }[]>`
    select event_id, event ->> 'type' as type, waits_for from lifestream.parked_events
    where waits_for = ${subjectId} or event ->> 'subjectId' = ${subjectId} order by parked_at limit ${LIMIT}`;
  return rows.map((row) => ({ eventId: row.event_id, type: row.type ?? "", waitsFor: row.waits_for }));
}
