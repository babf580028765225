import type { EventRow } from "../adapters/postgres/ledger.ts";
import type { Sql } from "../engine/store.ts";
import type { LedgerFold } from "./fold.ts";
import type { OwnedTable } from "./owned.ts";

/** A subject whose live rows are not what the ledger gives. */
export interface Explained {
  readonly subjectId: string;
  /** The event without which the ledger would give the live rows, or the last few; none: it is not these. */
  readonly lost: readonly string[];
  /** Where none is lost, the event that would give them if it were applied twice. */
  readonly doubled: readonly string[];
  /** False: nothing was tried, as it has more than `EXPLAINED_EVENTS` events. */
  readonly lookedInto: boolean;
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
 * and then without the last two, the last three, and so on; or which one was applied twice, by folding each in turn so.
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
    explained.push({ subjectId, ...(await explanationOf(tx, ofSubjects, fold, subjectId)) });
  }
  return { differingSubjects: rows.length, explained };
}

async function explanationOf(
  tx: Sql,
  tables: readonly OwnedTable[],
  fold: LedgerFold,
  subjectId: string,
): Promise<Omit<Explained, "subjectId">> {
  const events = await tx<EventRow[]>`
    select id, occurred_at, received_at, source, subject, subject_id, event_type, schema_version, payload,
      correlation_id, causation_id, position
    from lifestream.events where subject_id = ${subjectId} order by position limit ${EXPLAINED_EVENTS + 1}`;
  if (events.length > EXPLAINED_EVENTS) return { lost: [], doubled: [], lookedInto: false };
  for (const { lost, doubled, batches } of [...losses(events), ...repeats(events)]) {
    if (await givesLiveRows(tx, tables, fold, subjectId, batches)) return { lost, doubled, lookedInto: true };
  }
  return { lost: [], doubled: [], lookedInto: true };
}

/** What may have happened to a subject's events, and how they were applied then. */
interface Supposed {
  readonly lost: readonly string[];
  readonly doubled: readonly string[];
  readonly batches: readonly (readonly EventRow[])[];
}

function losses(events: readonly EventRow[]): Supposed[] {
  const single = events.map((event) => [event]);
  const last = events.slice(1).map((_, index) => events.slice(-(index + 2)));
  return [...single, ...last].map((missing) => ({
    lost: missing.map(({ id }) => id),
    doubled: [],
    batches: [events.filter((event) => !missing.includes(event))],
  }));
}

/** Each comes again in a batch of its own, as a repeat does: within one, handlers take the last of a subject's events. */
function repeats(events: readonly EventRow[]): Supposed[] {
  return events.map(({ id }, index) => ({
    lost: [],
    doubled: [id],
    batches: [events.slice(0, index + 1), events.slice(index)],
  }));
}

const TRIED = new Error("only tried");

/** Folds these batches as all there is of the subject, looks, and takes it back. */
async function givesLiveRows(
  tx: Sql,
  tables: readonly OwnedTable[],
  fold: LedgerFold,
  subjectId: string,
  batches: readonly (readonly EventRow[])[],
): Promise<boolean> {
  let same = true;
  await tx
    .savepoint(async (inner) => {
      const within = inner as Sql;
      for (const { name } of tables)
        await within`delete from ${within(`pg_temp.${name}`)} where subject_id = ${subjectId}`;
      for (const events of batches) await fold.fold(events, within);
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
