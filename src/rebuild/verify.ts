import type { Sql } from "../engine/store.ts";
import { compareTables, countLeftByAdoption, prepareDifferences } from "./difference.ts";
import { type Explained, explainDifferences } from "./explain.ts";
import { LedgerFold, prepareFold } from "./fold.ts";
import {
  countLeftOut,
  type LeftOut,
  leaveOutOnTheirWay,
  leaveOutReadAfterAll,
  noteEventsAside,
  noteReadAfterAll,
  prepareLeftOut,
} from "./left-out.ts";
import { type OwnedTable, ownedTables, withReferring } from "./owned.ts";
import { aloneHere, type RebuildOptions, type RebuildReport } from "./rebuild.ts";
import { createShadow } from "./shadow.ts";

export interface VerifyOptions extends RebuildOptions {
  /** How long to wait for events that are on the way to the tables; without it, their subjects are left out at once. */
  readonly waitMs?: number;
}

export interface VerifyReport extends RebuildReport {
  /** Events that the live tables cannot have yet. Their subjects, and tables that are about no subject, are left out. */
  readonly onTheirWay: number;
  /** Events whose record was set aside, that this program can apply, and that the tables lack: left out likewise. */
  readonly readAfterAll: number;
  /** Subjects that were not compared. */
  readonly leftOut: LeftOut;
  /** Subjects with rows that differ; the first of them are `explained`. */
  readonly differingSubjects: number;
  readonly explained: readonly Explained[];
  /** Effects that are in the ledger more than once: the same cause led to the same type of event again. */
  readonly doubled: readonly { readonly subjectId: string; readonly type: string; readonly ids: readonly string[] }[];
  /** Work with more attempts in a round than it may have. */
  readonly overspent: readonly { readonly id: string; readonly attempts: number; readonly allowed: number }[];
}

/** Between two looks at whether events are still on their way. */
const LOOK_MS = 250;

/**
 * Compares the live tables with a fold of the ledger, both as they are at one moment. Changes nothing, and nobody waits
 * for it.
 */
export async function verify(options: VerifyOptions): Promise<VerifyReport> {
  const { db, clock, signal, waitMs = 0 } = options;
  const until = clock.now() + waitMs;
  for (;;) {
    const mayWait = clock.now() < until;
    const report = await db.begin("isolation level repeatable read", (tx) => verifyNow(tx, options, mayWait));
    if (report) return report as VerifyReport;
    await clock.sleep(LOOK_MS, signal);
  }
}

/** Null where events are on their way and it may wait for them. */
async function verifyNow(tx: Sql, options: VerifyOptions, mayWait: boolean): Promise<VerifyReport | null> {
  const { registry, onProgress } = options;
  await aloneHere(tx);
  await prepareLeftOut(tx);
  const onTheirWay = await leaveOutOnTheirWay(tx);
  if (onTheirWay > 0 && mayWait) return null;
  const projections = await withReferring(tx, options.projections, registry.projections);
  const owned = await ownedTables(tx, projections);
  const redirect = await createShadow(tx, owned);
  await prepareFold(tx);
  await noteEventsAside(tx);
  const fold = new LedgerFold(tx, {
    registry,
    projections,
    tables: owned,
    redirect,
    ...(onProgress && { onProgress }),
  });
  await fold.catchUp((applied) => noteReadAfterAll(tx, applied));
  const readAfterAll = await leaveOutReadAfterAll(tx, owned);
  const leftOut = await countLeftOut(tx);
  const tables = isNothing(leftOut) ? owned : owned.filter(isAboutSubjects);
  await prepareDifferences(tx);
  return {
    events: fold.done,
    unreadable: fold.unreadable,
    tables: await compareTables(tx, tables, { leftOut: true }),
    leftByAdoption: await countLeftByAdoption(tx, tables),
    onTheirWay,
    readAfterAll,
    leftOut,
    ...(await explainDifferences(tx, tables, fold)),
    doubled: await doubledEffects(tx),
    overspent: await overspentWork(tx),
  };
}

/** True where what was compared is what the ledger gives, once and within bounds. */
export function isSound({ tables, doubled, overspent }: VerifyReport): boolean {
  return tables.every(({ differing }) => differing === 0) && doubled.length === 0 && overspent.length === 0;
}

/** True where all of it was compared. */
export function isComplete({ leftOut }: VerifyReport): boolean {
  return isNothing(leftOut);
}

function isNothing({ onTheirWay, readAfterAll }: LeftOut): boolean {
  return onTheirWay + readAfterAll === 0;
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
