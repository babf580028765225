import type { EventRow } from "../adapters/postgres/ledger.ts";
import type { Sql } from "../engine/store.ts";
import type { LedgerFold } from "./fold.ts";
import type { OwnedTable } from "./owned.ts";

/** A subject whose live rows are not what the ledger gives. */
export interface Explained {
  readonly subjectId: string;
  /** The events without which the ledger would give the live rows; none: no single one explains them, nor the last few. */
  readonly lost: readonly string[];
}

export interface Explanation {
  readonly differingSubjects: number;
  /** At most `EXPLAINED_SUBJECTS`. */
  readonly explained: readonly Explained[];
}

/** Subjects looked at, and events tried of each: enough to know what kind of thing happened. */
export const EXPLAINED_SUBJECTS = 50;
export const EXPLAINED_EVENTS = 50;

/**
 * Says of subjects that differ which events were lost on the way to their rows, by folding them without each in turn,
 * and then without the last two, the last three, and so on.
 */
export async function explainDifferences(
  tx: Sql,
  tables: readonly OwnedTable[],
  fold: LedgerFold,
): Promise<Explanation> {
  const rows = await tx<{ subjectId: string }[]>`
    select distinct subject_id as "subjectId" from pg_temp.differences where subject_id is not null order by 1`;
  const ofSubjects = tables.filter(({ columns }) => columns.includes("subject_id"));
  const explained: Explained[] = [];
  for (const { subjectId } of rows.slice(0, EXPLAINED_SUBJECTS)) {
    explained.push({ subjectId, lost: await lostEvents(tx, ofSubjects, fold, subjectId) });
  }
  return { differingSubjects: rows.length, explained };
}

async function lostEvents(tx: Sql, tables: readonly OwnedTable[], fold: LedgerFold, subjectId: string) {
  const events = await tx<EventRow[]>`
    select id, occurred_at, received_at, source, subject, subject_id, event_type, schema_version, payload,
      correlation_id, causation_id, position
    from lifestream.events where subject_id = ${subjectId} order by position limit ${EXPLAINED_EVENTS + 1}`;
  if (events.length > EXPLAINED_EVENTS) return [];
  const single = events.map((event) => [event]);
  const last = events.slice(1).map((_, index) => events.slice(-(index + 2)));
  for (const missing of [...single, ...last]) {
    const others = events.filter((event) => !missing.includes(event));
    if (await givesLiveRows(tx, tables, fold, subjectId, others)) return missing.map(({ id }) => id);
  }
  return [];
}

const TRIED = new Error("only tried");

/** Folds these events as all there are of the subject, looks, and takes it back. */
async function givesLiveRows(
  tx: Sql,
  tables: readonly OwnedTable[],
  fold: LedgerFold,
  subjectId: string,
  events: readonly EventRow[],
): Promise<boolean> {
  let same = true;
  await tx
    .savepoint(async (inner) => {
      const within = inner as Sql;
      for (const { name } of tables)
        await within`delete from ${within(`pg_temp.${name}`)} where subject_id = ${subjectId}`;
      await fold.fold(events, within);
      for (const table of tables) same &&= await sameRows(within, table, subjectId);
      throw TRIED;
    })
    .catch((error) => {
      if (error !== TRIED) throw error;
    });
  return same;
}

async function sameRows(tx: Sql, { name, notFolded, part }: OwnedTable, subjectId: string): Promise<boolean> {
  const ours = part ? tx`${tx(part.column)} = any(${part.values as string[]})` : tx`true`;
  const rows = (schema: string) => tx`
    select to_jsonb(t) - ${notFolded as string[]}::text[] from ${tx(`${schema}.${name}`)} as t
    where subject_id = ${subjectId} and ${ours}`;
  const [row] = await tx<{ same: boolean }[]>`
    select not exists ((${rows("lifestream")} except all ${rows("pg_temp")}) union all
      (${rows("pg_temp")} except all ${rows("lifestream")})) as same`;
  return row?.same === true;
}
