import type {
  FailedWork,
  FailureFilter,
  FailureReads,
  FailureSlice,
  FailureSummary,
  QuarantinedRecord,
} from "../../engine/failures.ts";
import type { Decision, Sql } from "../../engine/store.ts";
import type { Reads } from "../../engine/web/types.ts";
import type { WorkStatus } from "../../engine/work.ts";
import { isOpen, type RecordRow, toDeadRecord } from "./set-aside.ts";
import { toWork, type WorkRow } from "./work.ts";

/** What the failure desk reads. */
export function createFailureReads({ read }: Pick<Reads, "read">): FailureReads {
  return {
    list: (filter, page) =>
      read(async (sql) => ({
        ...(await sliceOfFailures(sql, filter, page)),
        total: await countFailures(sql, filter, null),
      })),
    slice: (filter, page) => read((sql) => sliceOfFailures(sql, filter, page)),
    count: (filter, after) => read((sql) => countFailures(sql, filter, after)),
    work: (ids) => read((sql) => failedWork(sql, ids)),
    records: (ids) => read((sql) => quarantined(sql, ids)),
  };
}

interface SummaryRow extends Omit<FailureSummary, "decision" | "subjectId">, DecisionColumns {
  subjectId: string | null;
  key: Buffer | null;
}

interface DecisionColumns {
  decided_at: string | null;
  decided_by: string | null;
  decided_why: string | null;
}

async function sliceOfFailures(
  sql: Sql,
  filter: FailureFilter,
  { after = null, limit }: { after?: string | null; limit: number },
): Promise<FailureSlice> {
  const rows = await sql<SummaryRow[]>`
    select * from ${failuresFrom(sql, filter, after)} order by at desc, id desc limit ${limit + 1}`;
  const failures = rows.slice(0, limit).map(toSummary);
  const last = failures.at(-1);
  return { failures, next: rows.length > limit && last ? encodeCursor(last) : null };
}

async function countFailures(sql: Sql, filter: FailureFilter, after: string | null): Promise<number> {
  const [row] = await sql<{ total: number }[]>`select count(*) as total from ${failuresFrom(sql, filter, after)}`;
  return row?.total ?? 0;
}

/** What a selection of failures reads from: all that match, from where a page begins. */
function failuresFrom(sql: Sql, filter: FailureFilter, after: string | null) {
  const cursor = after ? decodeCursor(after) : null;
  return sql`
    (${workFailures(sql, filter)} union all ${recordFailures(sql, filter)}) f
    where ${cursor ? sql`(at, id) < (${cursor.at}::timestamptz, ${cursor.id}::uuid)` : sql`true`}`;
}

function workFailures(sql: Sql, filter: FailureFilter) {
  const { ids, type, errorClass, since, subjectId, workOn, maxRedrives, all } = filter;
  return sql`
    select 'work' as kind, id, work_type as type, subject_id as "subjectId", null::bytea as key,
      case status when 'dead' then 'open' when 'discarded' then 'discarded' else 'redriven' end as state,
      coalesce(last_error, '') as error, coalesce(error_class, 'unexpected') as "errorClass",
      coalesce(finished_at, created_at) as at, attempt as attempts, round - 1 as redrives,
      decided_at, decided_by, decided_why
    from lifestream.work
    where ${all ? sql`(status in ('dead', 'discarded') or round > 1)` : sql`status = 'dead' and not redrive_asked`}
      and ${ids ? sql`id = any(${ids as string[]}::uuid[])` : sql`true`}
      and ${type ? sql`work_type = ${type}` : sql`true`}
      and ${errorClass ? sql`error_class = ${errorClass}` : sql`true`}
      and ${since ? sql`finished_at >= ${since}` : sql`true`}
      and ${subjectId ? sql`subject_id = ${subjectId}` : sql`true`}
      and ${workOn ? sql`subject = ${workOn}` : sql`true`}
      and ${maxRedrives === undefined ? sql`true` : sql`round <= ${maxRedrives}`}`;
}

function recordFailures(sql: Sql, filter: FailureFilter) {
  const { ids, type, errorClass, since, subjectId, workOn, maxRedrives, all } = filter;
  const typed = sql`coalesce(headers ->> 'event_type', headers ->> 'work_type', topic)`;
  return sql`
    select 'record' as kind, id, ${typed} as type, null as "subjectId", record_key as key, ${recordState(sql)} as state,
      error, error_class as "errorClass", created_at as at, 0 as attempts, tries as redrives,
      decided_at, decided_by, decided_why
    from lifestream.dead_letters
    where ${all ? sql`true` : isOpen(sql)} and ${workOn ? sql`false` : sql`true`}
      and ${ids ? sql`id = any(${ids as string[]}::uuid[])` : sql`true`}
      and ${type ? sql`(${typed} = ${type} or topic = ${type})` : sql`true`}
      and ${errorClass ? sql`error_class = ${errorClass}` : sql`true`}
      and ${since ? sql`created_at >= ${since}` : sql`true`}
      and ${subjectId ? sql`record_key = ${Buffer.from(subjectId)}` : sql`true`}
      and ${maxRedrives === undefined ? sql`true` : sql`tries < ${maxRedrives}`}`;
}

/** How a record stands for people: open also where only the router waits. */
function recordState(sql: Sql) {
  return sql`case when ${isOpen(sql)} then 'open' else status end`;
}

function toSummary({ key, decided_at, decided_by, decided_why, ...row }: SummaryRow): FailureSummary {
  return {
    ...row,
    subjectId: row.subjectId ?? textOf(key),
    decision: toDecision({ decided_at, decided_by, decided_why }),
  };
}

/** A record's key as text; null where it is none. */
function textOf(key: Uint8Array | null): string | null {
  if (key === null || key.length === 0) return null;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(key);
  } catch {
    return null;
  }
}

function toDecision({ decided_at: at, decided_by: by, decided_why: reason }: DecisionColumns): Decision | null {
  return at === null || by === null ? null : { at, by, reason };
}

interface FailedWorkRow extends WorkRow, DecisionColumns {
  status: WorkStatus;
  error_class: string | null;
  agent: string | null;
  finished_at: string | null;
  redrive_asked: boolean;
}

async function failedWork(sql: Sql, ids: readonly string[]): Promise<FailedWork[]> {
  const rows = await sql<FailedWorkRow[]>`
    select id, work_type, subject, subject_id, attempt, round, attempts_before, max_attempts, created_at, last_error,
      correlation_id, triggered_by_event_id, payload, status, error_class, agent, finished_at, redrive_asked,
      decided_at, decided_by, decided_why
    from lifestream.work where id = any(${ids as string[]}::uuid[])`;
  return rows.map((row) => ({
    ...toWork(row),
    status: row.status,
    error: row.last_error,
    errorClass: row.error_class,
    agent: row.agent,
    finishedAt: row.finished_at,
    decision: toDecision(row),
    redriveAsked: row.redrive_asked,
  }));
}

interface QuarantinedRow extends RecordRow, DecisionColumns {
  state: QuarantinedRecord["state"];
  tries: number;
  created_at: string;
}

async function quarantined(sql: Sql, ids: readonly string[]): Promise<QuarantinedRecord[]> {
  const rows = await sql<QuarantinedRow[]>`
    select id, stage, topic, kafka_partition, kafka_offset, record_key, record_value, headers, error, error_class,
      ${recordState(sql)} as state, tries, created_at, decided_at, decided_by, decided_why
    from lifestream.dead_letters where id = any(${ids as string[]}::uuid[])`;
  return rows.map((row) => ({
    ...toDeadRecord(row),
    state: row.state,
    tries: row.tries,
    at: row.created_at,
    decision: toDecision(row),
  }));
}

function encodeCursor({ at, id }: FailureSummary): string {
  return Buffer.from(JSON.stringify([at, id])).toString("base64url");
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** A cursor somebody made up starts at the beginning. */
function decodeCursor(text: string): { at: string; id: string } | null {
  try {
    const [at, id] = JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
    return typeof at === "string" && !Number.isNaN(Date.parse(at)) && UUID.test(id) ? { at, id } : null;
  } catch {
    return null;
  }
}
