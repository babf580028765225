import type { Payload } from "../../engine/event.ts";
import type { AcceptedWork, Sql, TxWork } from "../../engine/store.ts";
import { discardWork, redriveWork } from "./failures-acts.ts";
import { wakeDispatcher } from "./wake.ts";

export interface WorkRow {
  id: string;
  work_type: string;
  subject: string;
  subject_id: string;
  attempt: number;
  round: number;
  attempts_before: number;
  max_attempts: number;
  created_at: string;
  last_error: string | null;
  correlation_id: string;
  triggered_by_event_id: string;
  payload: Payload;
}

/** A row of the registry as the engine knows it. */
export function toWork(row: WorkRow): AcceptedWork {
  return {
    id: row.id,
    type: row.work_type,
    subject: row.subject,
    subjectId: row.subject_id,
    correlationId: row.correlation_id,
    triggeredByEventId: row.triggered_by_event_id,
    attempt: row.attempt,
    round: row.round,
    attemptsBefore: row.attempts_before,
    maxAttempts: row.max_attempts,
    createdAt: row.created_at,
    lastError: row.last_error,
    payload: row.payload,
  };
}

/** The registry of work within a transaction. */
export function txWork(tx: Sql): TxWork {
  return {
    async claim(work) {
      if (work.length === 0) return [];
      const claimed = await tx<{ id: string }[]>`
        insert into lifestream.work (id, work_type, subject, subject_id, correlation_id, triggered_by_event_id,
          max_attempts, payload)
        select id, work_type, subject, subject_id, correlation_id, triggered_by_event_id, max_attempts, payload::jsonb
        from unnest(${work.map((w) => w.id)}::uuid[], ${work.map((w) => w.type)}::text[],
          ${work.map((w) => w.subject)}::text[], ${work.map((w) => w.subjectId)}::text[],
          ${work.map((w) => w.correlationId)}::uuid[], ${work.map((w) => w.triggeredByEventId)}::uuid[],
          ${work.map((w) => w.maxAttempts)}::int[], ${work.map((w) => JSON.stringify(w.payload))}::text[])
          as n(id, work_type, subject, subject_id, correlation_id, triggered_by_event_id, max_attempts, payload)
        on conflict (id) do nothing returning id`;
      if (claimed.length > 0) await wakeDispatcher(tx);
      return claimed.map((row) => row.id);
    },

    async settle(verdicts) {
      if (verdicts.length === 0) return 0;
      const settled = await tx`
        update lifestream.work w set
          status = case when v.retry_in_ms is null then 'dead' else 'pending' end,
          attempt = w.attempt + case when v.retry_in_ms is null then 0 else 1 end,
          next_attempt_at = clock_timestamp() + coalesce(v.retry_in_ms, 0) * interval '1 millisecond',
          last_error = v.error, error_class = v.error_class, finished_at = clock_timestamp()
        from unnest(${verdicts.map((v) => v.id)}::uuid[], ${verdicts.map((v) => v.attempt)}::int[],
          ${verdicts.map((v) => v.error)}::text[], ${verdicts.map((v) => v.errorClass)}::text[],
          ${verdicts.map((v) => v.retryInMs)}::bigint[]) as v(id, attempt, error, error_class, retry_in_ms)
        where w.id = v.id and w.attempt = v.attempt and w.status = 'failed' returning 1`;
      if (settled.length > 0) await wakeDispatcher(tx);
      return settled.length;
    },

    async accept(attempts, leaseMs, agent) {
      if (attempts.length === 0) return [];
      const rows = await tx<WorkRow[]>`
        update lifestream.work w set status = 'running', agent = ${agent}, started_at = clock_timestamp(),
          lease_until = clock_timestamp() + ${leaseMs} * interval '1 millisecond'
        from unnest(${attempts.map((a) => a.id)}::uuid[], ${attempts.map((a) => a.attempt)}::int[]) as a(id, attempt)
        where w.id = a.id and w.attempt = a.attempt and w.status in ('pending', 'queued')
        returning w.id, w.work_type, w.subject, w.subject_id, w.attempt, w.round, w.attempts_before, w.max_attempts, w.created_at,
          w.last_error, w.correlation_id, w.triggered_by_event_id, w.payload`;
      return rows.map(toWork);
    },

    async finish(id, attempt, outcome, error, errorClass) {
      const rows = await tx`
        update lifestream.work set status = ${outcome}, finished_at = clock_timestamp(), lease_until = null,
          last_error = coalesce(${error ?? null}, last_error), error_class = coalesce(${errorClass ?? null}, error_class)
        where id = ${id} and attempt = ${attempt} and status = 'running' returning 1`;
      return rows.length > 0;
    },

    async postpone(id, attempt, afterMs, error, errorClass) {
      await tx`
        update lifestream.work set status = 'pending', lease_until = null, last_error = ${error},
          error_class = ${errorClass}, next_attempt_at = clock_timestamp() + ${afterMs} * interval '1 millisecond'
        where id = ${id} and attempt = ${attempt} and status = 'running'`;
    },

    async release(attempts) {
      if (attempts.length === 0) return;
      await tx`
        update lifestream.work w set status = 'pending', lease_until = null, next_attempt_at = clock_timestamp()
        from unnest(${attempts.map((a) => a.id)}::uuid[], ${attempts.map((a) => a.attempt)}::int[]) as a(id, attempt)
        where w.id = a.id and w.attempt = a.attempt and w.status = 'running'`;
      await wakeDispatcher(tx);
    },

    redrive: (acts) => redriveWork(tx, acts),
    discard: (acts) => discardWork(tx, acts),
  };
}
