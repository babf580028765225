import type { EventRow } from "../adapters/postgres/ledger.ts";
import type { Sql } from "../engine/ports.ts";
import type { LedgerFold } from "./fold.ts";
import type { OwnedTable } from "./owned.ts";

/** A subject whose live rows are not what the ledger gives. */
export interface Explained {
  readonly subjectId: string;
  /** The one event without which the ledger would give the live rows; null: no single event explains them. */
  readonly lost: string | null;
}

/** Subjects looked at, and events tried of each: enough to know what kind of thing happened. */
const SUBJECTS = 20;
const EVENTS = 50;

/** Says of subjects that differ which event was lost on the way to their rows, by folding them without each in turn. */
export async function explainDifferences(
  tx: Sql,
  tables: readonly OwnedTable[],
  fold: LedgerFold,
): Promise<Explained[]> {
  const rows = await tx<{ subjectId: string }[]>`
    select distinct subject_id as "subjectId" from pg_temp.differences where subject_id is not null
    order by 1 limit ${SUBJECTS}`;
  const ofSubjects = tables.filter(({ columns }) => columns.includes("subject_id"));
  const explained: Explained[] = [];
  for (const { subjectId } of rows) {
    explained.push({ subjectId, lost: await lostEvent(tx, ofSubjects, fold, subjectId) });
  }
  return explained;
}

async function lostEvent(tx: Sql, tables: readonly OwnedTable[], fold: LedgerFold, subjectId: string) {
  const events = await tx<EventRow[]>`
    select id, occurred_at, received_at, source, subject, subject_id, event_type, schema_version, payload,
      correlation_id, causation_id, position
    from lifestream.events where subject_id = ${subjectId} order by position limit ${EVENTS}`;
  for (const missing of events) {
    const others = events.filter((event) => event !== missing);
    if (await givesLiveRows(tx, tables, fold, subjectId, others)) return missing.id;
  }
  return null;
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
