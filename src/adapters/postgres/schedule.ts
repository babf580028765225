import type { DueWork, LedgerRow, Schedule, Sql } from "../../engine/store.ts";
import { expiredFailure, undeliverable } from "../../engine/work-failed.ts";
import { noteAcknowledged } from "./acknowledged.ts";
import type { Database } from "./connect.ts";
import { beginRounds } from "./failures-acts.ts";
import { requireLease } from "./leases.ts";
import { txLedger } from "./ledger.ts";
import { noteResent } from "./resent.ts";
import { forgetSentLetters } from "./sent-letters.ts";
import { toWork, type WorkRow } from "./work.ts";

interface DueRow extends WorkRow {
  agent: string | null;
  finished_at: string | null;
}

/** What the dispatcher asks of the registry of work. */
export function createSchedule(db: Database): Schedule {
  const columns = db`id, work_type, subject, subject_id, attempt, round, attempts_before, max_attempts, created_at,
    last_error, correlation_id, triggered_by_event_id, payload, agent, finished_at`;
  return {
    async due(limit, closed) {
      const rows = await db<DueRow[]>`
        select ${columns} from lifestream.work where status = 'pending' and next_attempt_at <= clock_timestamp()
          and not ('work.' || work_type = any(${closed as string[]}))
        order by next_attempt_at limit ${limit}`;
      return rows.map(toDueWork);
    },

    async markQueued(lease, sent) {
      await db.begin(async (tx) => {
        await requireLease(tx, lease);
        await tx`
          update lifestream.work w
          set status = 'queued', kafka_partition = s.partition, kafka_offset = s.kafka_offset
          from unnest(${sent.map((s) => s.id)}::uuid[], ${sent.map((s) => s.attempt)}::int[],
            ${sent.map((s) => s.position.partition)}::int[], ${sent.map((s) => s.position.offset)}::bigint[])
            as s(id, attempt, partition, kafka_offset)
          where w.id = s.id and w.attempt = s.attempt and w.status = 'pending'`;
      });
    },

    async giveUp(lease, work, error) {
      await db.begin(async (tx) => {
        await requireLease(tx, lease);
        const [row] = await tx<DueRow[]>`
          update lifestream.work set status = 'failed', finished_at = clock_timestamp()
          where id = ${work.id} and attempt = ${work.attempt} and status = 'pending'
          returning id, work_type, subject, subject_id, attempt, round, attempts_before, max_attempts, created_at, last_error,
            correlation_id, triggered_by_event_id, payload, agent, finished_at`;
        if (row) await txLedger(tx).append([undeliverable(toWork(row), error, row.finished_at ?? "")]);
      });
    },

    async deadUnsent(limit) {
      const rows = await db<DueRow[]>`
        select ${columns} from lifestream.work
        where status in ('dead', 'discarded') and dead_letter_sent_at is null
        order by finished_at limit ${limit}`;
      return rows.map(toDueWork);
    },

    async unmarkedFrom() {
      const [batch] = await db<{ sent_from: Record<string, number> | null }[]>`
        select sent_from from lifestream.dead_letter_batch`;
      return batch?.sent_from ? new Map(Object.entries(batch.sent_from)) : null;
    },

    async beginDeadLetters(lease, from) {
      await db.begin(async (tx) => {
        await requireLease(tx, lease);
        await tx`update lifestream.dead_letter_batch set sent_from = ${tx.json(Object.fromEntries(from))}`;
      });
    },

    async markDeadSent(lease, letters, sentTo) {
      await db.begin(async (tx) => {
        await requireLease(tx, lease);
        await tx`
          update lifestream.work w set dead_letter_sent_at = clock_timestamp()
          from unnest(${letters.map((l) => l.id)}::uuid[], ${letters.map((l) => l.round)}::int[]) as l(id, round)
          where w.id = l.id and w.round = l.round and w.status in ('dead', 'discarded') and w.dead_letter_sent_at is null`;
        await tx`update lifestream.dead_letter_batch set sent_from = null`;
        await noteAcknowledged(tx, sentTo);
        await beginRounds(
          tx,
          letters.map((letter) => letter.id),
        );
      });
    },

    async resendDeadLetters(lease) {
      await db.begin(async (tx) => {
        await requireLease(tx, lease);
        await forgetSentLetters(tx, { all: false });
      });
    },

    async renew(attempts, leaseMs) {
      await db`
        update lifestream.work w set lease_until = clock_timestamp() + ${leaseMs} * interval '1 millisecond'
        from unnest(${attempts.map((a) => a.id)}::uuid[], ${attempts.map((a) => a.attempt)}::int[]) as a(id, attempt)
        where w.id = a.id and w.attempt = a.attempt and w.status = 'running'`;
    },

    async sweep(lease) {
      return db.begin(async (tx) => {
        await requireLease(tx, lease);
        return { expired: await endExpired(tx), lost: await requeueLost(tx) };
      }) as Promise<{ expired: number; lost: number }>;
    },

    async requeueDeleted(lease, starts) {
      return db.begin(async (tx) => {
        await requireLease(tx, lease);
        const { count } = await tx`
          update lifestream.work w set status = 'pending', next_attempt_at = clock_timestamp()
          from unnest(${[...starts.keys()]}::text[], ${[...starts.values()]}::bigint[]) as b(key, start)
          where w.status = 'queued' and b.key = 'work.' || w.work_type || ':' || w.kafka_partition
            and w.kafka_offset < b.start`;
        await noteResent(tx, count, "retention deleted them before an agent took them");
        return count;
      }) as Promise<number>;
    },

    async nextDueInMs() {
      const [row] = await db<{ ms: number | null }[]>`
        select extract(epoch from min(next_attempt_at) - clock_timestamp())::float8 * 1000 as ms
        from lifestream.work where status = 'pending'`;
      return row?.ms == null ? null : Math.max(0, row.ms);
    },
  };
}

function toDueWork(row: DueRow): DueWork {
  return { ...toWork(row), agent: row.agent, finalError: row.last_error, failedAt: row.finished_at };
}

/** An agent that did not report before its lease ended is gone: the attempt counts as failed, as its own event says. */
async function endExpired(tx: Sql): Promise<number> {
  const rows = await tx<DueRow[]>`
    update lifestream.work set status = 'failed', finished_at = clock_timestamp(), lease_until = null
    where id in (select id from lifestream.work where status = 'running' and lease_until < clock_timestamp()
      order by lease_until limit 500 for update skip locked)
    returning id, work_type, subject, subject_id, attempt, round, attempts_before, max_attempts, created_at, last_error,
      correlation_id, triggered_by_event_id, payload, agent, finished_at`;
  const events: LedgerRow[] = rows.map((row) =>
    expiredFailure(toWork(row), row.agent ?? "unknown", row.finished_at ?? ""),
  );
  await txLedger(tx).append(events);
  return rows.length;
}

/** Work whose message the agents' group has passed without taking it on, or whose topic is gone: due again. */
async function requeueLost(tx: Sql): Promise<number> {
  const rows = await tx`
    update lifestream.work w set status = 'pending', next_attempt_at = clock_timestamp()
    from (select topic, partition, max(last_offset) as last_offset from lifestream.kafka_offsets
      where topic like 'work.%' group by topic, partition) as o
    where w.status = 'queued' and o.topic = 'work.' || w.work_type and o.partition = w.kafka_partition
      and w.kafka_offset <= o.last_offset
    returning 1`;
  await noteResent(tx, rows.length, "their agent had passed them without taking them, as where retention deleted them");
  return rows.length;
}
