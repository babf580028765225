import type { stateAdopted } from "../../engine/adopted.ts";
import type { PayloadOf, StoredEvent } from "../../engine/event.ts";
import type { Sql } from "../../engine/store.ts";

/** An adoption of one subject. */
export type Adopted = StoredEvent<PayloadOf<typeof stateAdopted>>;

/**
 * Brings the rows of one table to what adoptions say: changed where they are, added where not, deleted where there is
 * to be none. One that says only what differs, and so not whose row it is, adds nothing. What they say is read in the
 * ledger, as numbers there may have more digits than a program's. `match` says which row `t` is meant by an adoption `n`: by its subject id, unless given.
 */
export async function adoptRows(
  table: string,
  adoptions: readonly Adopted[],
  tx: Sql,
  match = tx`t.subject_id = n.of_id`,
): Promise<void> {
  const told = adoptions.filter((event) => event.payload.rows[table] !== undefined);
  const rows = told.map((event) => event.payload.rows[table] ?? null);
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row ?? {})))];
  const name = tx(`lifestream.${table}`);
  const n = tx`(
    select of_subject, of_id, nullif(coalesce(e.payload->'rows'->${table}, told::jsonb), 'null') as told
    from unnest(${told.map((event) => event.id)}::uuid[], ${told.map((event) => event.subject)}::text[],
      ${told.map((event) => event.subjectId)}::text[], ${rows.map((row) => row && JSON.stringify(row))}::text[])
      as u(event_id, of_subject, of_id, told)
    left join lifestream.events e on e.id = u.event_id) as n`;
  if (rows.includes(null)) await tx`delete from ${name} t using ${n} where ${match} and n.told is null`;
  if (columns.length === 0) return;
  await tx`
    update ${name} t set (${tx(columns)}) = (select ${tx(columns)} from jsonb_populate_record(t, n.told))
    from ${n} where ${match} and n.told is not null`;
  await tx`
    insert into ${name} (${tx(columns)})
    select ${tx(columns)} from ${n} cross join lateral jsonb_populate_record(null::${name}, n.told)
    where n.told ? 'subject_id' and not exists (select from ${name} t where ${match})`;
}

/** Rows of `subjects`, which belong to a kind of subject too. */
export async function adoptSubjects(adoptions: readonly Adopted[], tx: Sql): Promise<void> {
  await adoptRows("subjects", adoptions, tx, tx`t.subject = n.of_subject and t.subject_id = n.of_id`);
}
