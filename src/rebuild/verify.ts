import type { Sql } from "../engine/ports.ts";
import { compareTables } from "./difference.ts";
import { type Explained, explainDifferences } from "./explain.ts";
import { LedgerFold } from "./fold.ts";
import { ownedTables } from "./owned.ts";
import { aloneHere, type RebuildOptions, type RebuildReport } from "./rebuild.ts";
import { createShadow } from "./shadow.ts";

export interface VerifyReport extends RebuildReport {
  /** Events that the live tables cannot have yet. Their subjects, and tables that are about no subject, are left out. */
  readonly onTheirWay: number;
  readonly explained: readonly Explained[];
  /** Effects that are in the ledger more than once: the same cause led to the same type of event again. */
  readonly doubled: readonly { readonly subjectId: string; readonly type: string; readonly ids: readonly string[] }[];
  /** Work with more attempts in a round than it may have. */
  readonly overspent: readonly { readonly id: string; readonly attempts: number; readonly allowed: number }[];
}

/**
 * Compares the live tables with a fold of the ledger, both as they are at one moment. Changes nothing, and nobody waits
 * for it.
 */
export async function verify(options: RebuildOptions): Promise<VerifyReport> {
  const { db, registry, projections, onProgress } = options;
  const report = await db.begin("isolation level repeatable read", async (tx) => {
    await aloneHere(tx);
    const unapplied = await subjectsOnTheirWay(tx);
    const onTheirWay = unapplied.reduce((sum, { events }) => sum + events, 0);
    const tables = (await ownedTables(tx, projections)).filter(
      ({ columns }) => onTheirWay === 0 || columns.includes("subject_id"),
    );
    const redirect = await createShadow(tx, await ownedTables(tx, projections));
    const fold = new LedgerFold(tx, { registry, projections, redirect, ...(onProgress && { onProgress }) });
    await fold.catchUp();
    const leftOut = unapplied.map(({ subjectId }) => subjectId);
    const found = await compareTables(tx, tables, leftOut);
    return {
      events: fold.done,
      unreadable: fold.unreadable,
      tables: found,
      onTheirWay,
      explained: await explainDifferences(tx, tables, fold),
      doubled: await doubledEffects(tx),
      overspent: await overspentWork(tx),
    };
  });
  return report as VerifyReport;
}

/** True where the state is what the ledger gives, once and within bounds. */
export function isSound({ tables, doubled, overspent }: VerifyReport): boolean {
  return tables.every(({ differing }) => differing === 0) && doubled.length === 0 && overspent.length === 0;
}

/** Whose events the materializer has not handled: it says how far it is, in each partition of each flow of the ledger. */
async function subjectsOnTheirWay(tx: Sql): Promise<{ subjectId: string; events: number }[]> {
  return tx<{ subjectId: string; events: number }[]>`
    select e.subject_id as "subjectId", count(*) as events
    from lifestream.events e
    left join lifestream.kafka_offsets o on o.consumer_group = 'materializer-v1' and o.topic = e.kafka_topic
      and o.partition = e.kafka_partition and o.last_generation = (select generation from lifestream.outbox_batch)
    where not e.published_to_kafka or o.last_position is null or e.position > o.last_position
    group by 1`;
}

/** What one cause may lead to once. Failures are told once per attempt, and a person's decisions once per round. */
async function doubledEffects(tx: Sql): Promise<VerifyReport["doubled"]> {
  return tx<{ subjectId: string; type: string; ids: string[] }[]>`
    select subject_id as "subjectId", event_type as type, array_agg(id order by position) as ids
    from lifestream.events
    where causation_id is not null and source like 'agent:%' and event_type <> 'work.failed'
    group by subject_id, event_type, causation_id having count(*) > 1 limit 100`;
}

async function overspentWork(tx: Sql): Promise<VerifyReport["overspent"]> {
  return tx<{ id: string; attempts: number; allowed: number }[]>`
    select id, attempt - attempts_before as attempts, max_attempts as allowed from lifestream.work
    where attempt - attempts_before > max_attempts limit 100`;
}
