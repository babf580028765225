import type { Decision, Sql, WorkAct } from "../../engine/store.ts";
import { MAX_ATTEMPTS } from "../../engine/work.ts";
import { wakeDispatcher } from "./wake.ts";

/**
 * Another round for work that was given up. It begins once the dead letter of the last one is in its topic, so that each
 * round leaves exactly one.
 */
export async function redriveWork(tx: Sql, acts: readonly WorkAct[]): Promise<number> {
  if (acts.length === 0) return 0;
  const asked = await tx<{ id: string }[]>`
    update lifestream.work w set redrive_asked = true, decided_at = d.at, decided_by = d.by, decided_why = d.reason
    from ${decided(tx, acts)}
    where w.id = d.id and w.round = d.round and w.status in ('dead', 'discarded', 'failed') and not w.redrive_asked
    returning w.id`;
  const ids = asked.map((row) => row.id);
  await beginRounds(tx, ids);
  return ids.length;
}

/** Begins the round of those that were asked for and whose dead letter is sent; a failure that nobody answered has none. */
export async function beginRounds(tx: Sql, ids: readonly string[]): Promise<void> {
  const begun = await tx`
    update lifestream.work set status = 'pending', next_attempt_at = clock_timestamp(), redrive_asked = false,
      round = round + 1, attempts_before = attempt, attempt = attempt + 1, max_attempts = ${MAX_ATTEMPTS},
      dead_letter_sent_at = null, kafka_partition = null, kafka_offset = null, lease_until = null
    where id = any(${ids as string[]}::uuid[]) and redrive_asked
      and (dead_letter_sent_at is not null or status = 'failed')
    returning 1`;
  if (begun.length > 0) await wakeDispatcher(tx);
}

/** Closes the case of work that was given up; its dead letter is sent all the same. */
export async function discardWork(tx: Sql, acts: readonly WorkAct[]): Promise<number> {
  if (acts.length === 0) return 0;
  const closed = await tx`
    update lifestream.work w set status = 'discarded', decided_at = d.at, decided_by = d.by, decided_why = d.reason
    from ${decided(tx, acts)}
    where w.id = d.id and w.round = d.round and w.status = 'dead' and not w.redrive_asked
    returning 1`;
  return closed.length;
}

function decided(tx: Sql, acts: readonly WorkAct[]) {
  const by = <K extends keyof Decision>(name: K) => acts.map((act) => act[name]);
  return tx`unnest(${acts.map((act) => act.id)}::uuid[], ${acts.map((act) => act.round)}::int[],
    ${by("at")}::timestamptz[], ${by("by")}::text[], ${by("reason")}::text[]) as d(id, round, at, by, reason)`;
}
