import type { Database } from "../adapters/postgres/connect.ts";
import { ADOPTION_DONE, ADOPTION_FOUND, createMigrationList, type Migration } from "../adapters/postgres/migrate.ts";
import type { Registry } from "../engine/registry.ts";
import type { Sql } from "../engine/store.ts";
import { faultPoint } from "../runtime/fault-point.ts";
import { forgetGoneTags } from "./catalog.ts";
import { type Columns, changedTables, checksums, presentColumns, type TableSum } from "./checksums.ts";
import { compare } from "./compare.ts";
import { prepareComparison } from "./comparison.ts";
import { type Beside, foldLedger, ledgerOrder } from "./fold.ts";
import { contractColumns } from "./inspect.ts";
import { type AdoptionReport, reportOf } from "./report.ts";
import { createShadow } from "./shadow.ts";
import { widenColumns } from "./widen.ts";
import { enterWork } from "./work.ts";

/*
 * Adopting the first system's database, step by step, each in a transaction of its own that also writes down that it was
 * done: whoever is killed goes on where it was. The marks stand among the migrations, as `adoption/<step>`.
 */

/** The database as it was found: what its rows are compared with in the end. */
export interface Found {
  readonly columns: Columns;
  readonly sums: Readonly<Record<string, TableSum>>;
}

/** Sums of every table that was there, before and after. */
export interface Sums {
  readonly before: Readonly<Record<string, TableSum>>;
  readonly after: Readonly<Record<string, TableSum>>;
  /** Tables whose rows are not as they were. */
  readonly changed: readonly string[];
}

/** What an adoption did. */
export type Adoption = AdoptionReport & { readonly sums: Sums };

export interface AdoptOptions {
  readonly registry: Registry;
  readonly migrations: readonly Migration[];
  readonly onProgress: (events: number) => void;
}

const ORDERED = "adoption/ordered";
/** Of a problem's key, for an index: a title may be long. */
const LONGEST_KEY = 500;

/**
 * First step, before anything is added: writes down that this is the first system's database, and its sums; and widens
 * columns that are too narrow, while nothing of ours hangs on them.
 */
export async function markFound(db: Database, migrations: readonly Migration[]): Promise<void> {
  await db.begin(async (tx) => {
    await seeEveryRow(tx);
    await tx.unsafe(ROOMY);
    const columns = await presentColumns(tx);
    const found: Found = { columns, sums: await checksums(tx, columns) };
    await createMigrationList(tx);
    await widenColumns(tx, contractColumns(migrations[0]?.sql ?? ""));
    await mark(tx, ADOPTION_FOUND, JSON.stringify(found));
  });
  faultPoint("adopt.found");
}

/** Whether this was the first system's database. */
export async function isAdopted(db: Database): Promise<boolean> {
  const rows = await db`select from lifestream.schema_migrations where name = ${ADOPTION_FOUND}`;
  return rows.length > 0;
}

/** What was found, where an adoption has begun and is not through. */
export async function unfinishedAdoption(db: Database): Promise<Found | null> {
  const [row] = await db<{ checksum: string }[]>`
    select checksum from lifestream.schema_migrations where name = ${ADOPTION_FOUND}
      and not exists (select from lifestream.schema_migrations where name = ${ADOPTION_DONE})`;
  return row ? JSON.parse(row.checksum) : null;
}

/** What an adoption did that is through, unless a person has been told. */
export async function untoldAdoption(db: Database): Promise<Adoption | null> {
  const [row] = await db<{ checksum: string }[]>`
    select checksum from lifestream.schema_migrations where name = ${ADOPTION_DONE} and checksum <> ''`;
  return row ? JSON.parse(row.checksum) : null;
}

/** Notes that a person has been told what the adoption did. */
export async function markTold(db: Database): Promise<void> {
  await db`update lifestream.schema_migrations set checksum = '' where name = ${ADOPTION_DONE} and checksum <> ''`;
}

/** All further steps, once the schema is up to date. What was done is kept until `markTold`. */
export async function adopt(db: Database, found: Found, options: AdoptOptions): Promise<void> {
  await putInOrder(db);
  faultPoint("adopt.ordered");
  await db.begin("isolation level repeatable read", async (tx) => {
    // Before anything is read, so that what is read is what another one left.
    await tx`lock table lifestream.schema_migrations in exclusive mode`;
    if (await isMarked(tx, ADOPTION_DONE)) return;
    const report = await planAdoption(tx, db, { ...options, positioned: true });
    faultPoint("adopt.compared");
    await carryOut(tx, options.registry);
    const adoption: Adoption = { ...report, sums: await compareSums(tx, found) };
    await mark(tx, ADOPTION_DONE, JSON.stringify(adoption));
    faultPoint("adopt.before-commit");
  });
  faultPoint("adopt.committed");
}

/** What an adoption would do. Reads, and writes to temporary tables only. */
export async function previewAdoption(db: Database, options: AdoptOptions): Promise<AdoptionReport> {
  const [list] = await db<{ there: boolean }[]>`
    select to_regclass('lifestream.schema_migrations') is not null as there`;
  const report = await db.begin("isolation level repeatable read", async (tx) => {
    // There may be positions already, from a run that was killed before it put them in order.
    const positioned = list?.there === true && (await isMarked(tx, ORDERED));
    return planAdoption(tx, db, { ...options, positioned });
  });
  return report as AdoptionReport;
}

/** Whole tables are sorted and joined, each once, and read by several at once: Postgres does not know how long texts are. */
const ROOMY = `set local jit = off; set local work_mem = '64MB'; set local min_parallel_table_scan_size = 0;
  set local parallel_setup_cost = 0; set local parallel_tuple_cost = 0`;

async function planAdoption(tx: Sql, db: Database, options: AdoptOptions & { readonly positioned: boolean }) {
  await seeEveryRow(tx);
  await tx.unsafe(ROOMY);
  const { registry, migrations, positioned, onProgress } = options;
  const projected = registry.projections.flatMap((projection) => projection.tables);
  const tables = [...new Set(["subjects", ...projected, "parked_events"])];
  const shadow = await createShadow(tx, tables, migrations);
  await prepareComparison(tx);
  const beside = besideOf(db, tx);
  const unreadable = await foldLedger(tx, beside, { registry, shadow, positioned, onProgress });
  faultPoint("adopt.folded");
  await compare(tx, shadow, unreadable);
  await tx`analyze pg_temp.adoption_events`;
  await forgetGoneTags(tx, { registry, shadow, positioned });
  return reportOf(tx);
}

/** Another transaction with this one's view of what is committed, to read with. */
function besideOf(db: Database, tx: Sql): Beside {
  return async (work) => {
    const [row] = await tx<{ snapshot: string }[]>`select pg_export_snapshot() as snapshot`;
    await db.begin("isolation level repeatable read read only", async (reader) => {
      await reader.unsafe(`set transaction snapshot '${row?.snapshot}'`);
      await seeEveryRow(reader);
      await reader.unsafe(ROOMY);
      await work(reader);
    });
  };
}

/** A row that row-level security hides would be taken for one that is not there: then it fails instead. */
async function seeEveryRow(tx: Sql): Promise<void> {
  await tx`set local row_security = off`;
}

/**
 * Gives the events the places of the ledger in the order in which the first system took them in. The table is written
 * anew: an update of nearly every row would enter each in every index, one by one.
 */
async function putInOrder(db: Database): Promise<void> {
  await db.begin(async (tx) => {
    if (await isMarked(tx, ORDERED)) return;
    await tx.unsafe(ROOMY);
    await tx`lock table lifestream.events in access exclusive mode`;
    await tx`
      create temp table places on commit drop as
      with places as (
        select id, position, row_number() over (order by ${ledgerOrder(tx)}) as nth,
          row_number() over (order by position) as place from lifestream.events)
      select mine.id, there.position, mine.position <> there.position as moves
      from places as mine join places as there on there.place = mine.nth`;
    const [row] = await tx<{ any: boolean }[]>`select exists (select from pg_temp.places where moves) as any`;
    if (row?.any) await tx.unsafe(TAKE_PLACES);
    await mark(tx, ORDERED);
  });
}

const TAKE_PLACES = `
  alter table pg_temp.places add primary key (id);
  create or replace function pg_temp.place_of(event uuid) returns bigint language plpgsql stable as $$
    begin return (select position from pg_temp.places where id = event); end $$;
  alter table lifestream.events alter column position type bigint using pg_temp.place_of(id);
  drop function pg_temp.place_of`;

async function carryOut(tx: Sql, registry: Registry): Promise<void> {
  await tx`
    insert into lifestream.events (id, occurred_at, source, subject, subject_id, event_type, payload)
    select id, occurred_at, 'adoption', subject, subject_id, event_type, payload
    from pg_temp.adoption_events order by nth`;
  faultPoint("adopt.appended");
  await tx`
    insert into lifestream.adoption_problems (table_name, key, reason)
    select table_name, left(key, ${LONGEST_KEY}), reason from pg_temp.adoption_problems on conflict do nothing`;
  // Events that are passed over from now on tell nobody of their tags.
  await tx`
    insert into lifestream.tag_catalog (tag, first_seen) select tag, first_seen from pg_temp.tag_catalog
    on conflict do nothing`;
  await enterWork(tx, registry);
}

async function compareSums(tx: Sql, { columns, sums: before }: Found): Promise<Sums> {
  const after = await checksums(tx, columns);
  return { before, after, changed: changedTables(before, after) };
}

async function mark(tx: Sql, step: string, note = ""): Promise<void> {
  await tx`
    insert into lifestream.schema_migrations (name, checksum) values (${step}, ${note})
    on conflict (name) do nothing`;
}

async function isMarked(tx: Sql, step: string): Promise<boolean> {
  const [row] = await tx`select from lifestream.schema_migrations where name = ${step}`;
  return row !== undefined;
}
