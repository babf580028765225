import type { Sql } from "../engine/ports.ts";
import { compareTables, countLeftByAdoption, prepareDifferences } from "./difference.ts";
import { type Explained, explainDifferences } from "./explain.ts";
import { LedgerFold, prepareFold } from "./fold.ts";
import { leaveOutOnTheirWay, leaveOutReadAfterAll, noteEventsAside, prepareLeftOut } from "./left-out.ts";
import { type OwnedTable, ownedTables, withReferring } from "./owned.ts";
import { aloneHere, type RebuildOptions, type RebuildReport } from "./rebuild.ts";
import { createShadow } from "./shadow.ts";

export interface VerifyReport extends RebuildReport {
  /** Events that the live tables cannot have yet. Their subjects, and tables that are about no subject, are left out. */
  readonly onTheirWay: number;
  /** Events whose record was set aside and that this program can apply. They are left out like those on their way. */
  readonly readAfterAll: number;
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
  const { db, registry, onProgress } = options;
  const report = await db.begin("isolation level repeatable read", async (tx) => {
    await aloneHere(tx);
    const projections = await withReferring(tx, options.projections, registry.projections);
    const owned = await ownedTables(tx, projections);
    const redirect = await createShadow(tx, owned);
    await prepareFold(tx);
    await prepareLeftOut(tx);
    const onTheirWay = await leaveOutOnTheirWay(tx);
    await noteEventsAside(tx);
    const fold = new LedgerFold(tx, {
      registry,
      projections,
      tables: owned,
      redirect,
      ...(onProgress && { onProgress }),
    });
    let readAfterAll = 0;
    await fold.catchUp(async (applied) => {
      readAfterAll += await leaveOutReadAfterAll(tx, applied);
    });
    const tables = onTheirWay + readAfterAll === 0 ? owned : owned.filter(isAboutSubjects);
    await prepareDifferences(tx);
    const found = await compareTables(tx, tables, { leftOut: true });
    return {
      events: fold.done,
      unreadable: fold.unreadable,
      tables: found,
      leftByAdoption: await countLeftByAdoption(tx, tables),
      onTheirWay,
      readAfterAll,
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

/** A table about nothing in particular cannot be compared but for the subjects that are left out. */
function isAboutSubjects({ columns }: OwnedTable): boolean {
  return columns.includes("subject_id");
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
