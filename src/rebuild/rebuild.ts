import type { Database } from "../adapters/postgres/connect.ts";
import { holdSchema } from "../adapters/postgres/migrate.ts";
import type { Clock } from "../engine/clock.ts";
import { UserError } from "../engine/errors.ts";
import type { Projection } from "../engine/projection.ts";
import type { Registry } from "../engine/registry.ts";
import { type Backoff, fullJitter } from "../engine/retry.ts";
import type { Sql } from "../engine/store.ts";
import { faultPoint } from "../runtime/fault-point.ts";
import {
  compareAfter,
  compareTables,
  countLeftByAdoption,
  prepareDifferences,
  type TableDifference,
} from "./difference.ts";
import { LedgerFold, prepareFold, type UnreadableEvents } from "./fold.ts";
import { type OwnedTable, ownedTables, withReferring } from "./owned.ts";
import { createShadow } from "./shadow.ts";
import { switchOver } from "./switch-over.ts";

export interface RebuildOptions {
  readonly db: Database;
  readonly registry: Registry;
  /** Those whose tables refer to theirs come with them. */
  readonly projections: readonly Projection[];
  readonly clock: Clock;
  readonly random: () => number;
  readonly signal: AbortSignal;
  readonly onProgress?: (done: number) => void;
}

export interface RebuildReport {
  readonly events: number;
  readonly tables: readonly TableDifference[];
  /** Rows that an adoption listed as left: they stay as they are. */
  readonly leftByAdoption: number;
  /** The live tables do not have these either. */
  readonly unreadable: UnreadableEvents;
}

const LOCK_KEY = 7_316_582_015;
/** A try for the tables is over before Postgres looks for deadlocks (1 s), and long before anybody minds. */
const LOCK_TRY = "200ms";
const LOCK_TRIES = 60;
const LOCK_RETRY: Backoff = { baseMs: 50, capMs: 1_000 };

/**
 * Folds the ledger beside the live tables while these go on, then brings them to what the ledger gives. All in one
 * transaction: until it commits nobody sees anything of it, and whatever ends it early leaves the live tables as they
 * were. Their writers wait from the last catching up to the commit. What they apply afterwards may be folded already,
 * which is why handlers are safe to repeat.
 */
export async function rebuild(options: RebuildOptions): Promise<RebuildReport> {
  const { db, registry, onProgress } = options;
  const report = await db.begin(async (tx) => {
    await aloneHere(tx);
    const projections = await withReferring(tx, options.projections, registry.projections);
    const tables = await ownedTables(tx, projections);
    const redirect = await createShadow(tx, tables);
    await prepareFold(tx);
    const fold = new LedgerFold(tx, { registry, projections, tables, redirect, ...(onProgress && { onProgress }) });
    await fold.catchUp();
    faultPoint("rebuild.folded");
    // Where nobody waits for it yet, as far as that goes.
    await foldRest(fold);
    await holdWriters(tx, tables, options);
    await foldRest(fold);
    await prepareDifferences(tx);
    const found = await compareTables(tx, tables, { leftOut: false });
    await switchOver(tx, tables);
    const switched = await compareAfter(tx, tables, found);
    faultPoint("rebuild.before-commit");
    const leftByAdoption = await countLeftByAdoption(tx, tables);
    return { events: fold.done, tables: switched, leftByAdoption, unreadable: fold.unreadable };
  });
  return report as RebuildReport;
}

/** What came meanwhile; all of it anew where that belongs between what is folded. */
async function foldRest(fold: LedgerFold): Promise<void> {
  if (!(await fold.holds())) await fold.startAnew();
  await fold.catchUp();
}

/** Settings of a transaction that folds; refuses where another one is at it. Both end with the transaction. */
export async function aloneHere(tx: Sql): Promise<void> {
  // A row that row-level security hides would be taken for one that is not there: then it fails instead.
  if (!(await seesEveryRow(tx))) await tx`set local row_security = off`;
  // Tables that grow within the transaction have no statistics: a plan is made for each batch anew.
  await tx.unsafe("set local plan_cache_mode = force_custom_plan; set local jit = off; set local work_mem = '64MB'");
  const [row] = await tx<{ ours: boolean }[]>`select pg_try_advisory_xact_lock(${LOCK_KEY}) as ours`;
  if (!row?.ours) throw new UserError("another rebuild or verify runs on this database: wait until it is over");
  await holdSchema(tx);
}

/** True where row-level security hides no row from this login, as with the roles of `db:migrate --roles`. */
async function seesEveryRow(tx: Sql): Promise<boolean> {
  const [row] = await tx<{ all: boolean }[]>`
    select not exists (select from pg_class c
      where c.relnamespace = 'lifestream'::regnamespace and c.relkind = 'r' and row_security_active(c.oid)
        and has_table_privilege(c.oid, 'select') and (
          exists (select from pg_policy p where p.polrelid = c.oid and not p.polpermissive)
          or not exists (select from pg_policy p where p.polrelid = c.oid and p.polpermissive
            and p.polcmd in ('*', 'r') and pg_get_expr(p.polqual, p.polrelid) = 'true'
            and exists (select from unnest(p.polroles) as r where r = 0 or pg_has_role(r, 'usage'))))) as all`;
  return row?.all === true;
}

/**
 * Keeps everybody from writing to the tables, and the relay from choosing what it sends next, which may move an event,
 * until the transaction ends. Readers notice nothing.
 */
async function holdWriters(tx: Sql, tables: readonly OwnedTable[], { clock, random, signal }: RebuildOptions) {
  const names = tables.map(({ name }) => `lifestream."${name}"`).join(", ");
  await tx.unsafe(`set local lock_timeout = '${LOCK_TRY}'`);
  for (let tries = 1; ; tries += 1) {
    try {
      await tx.savepoint(async (inner) => {
        await inner.unsafe(`lock table ${names} in share row exclusive mode`);
        await inner`select from lifestream.outbox_batch for update`;
      });
      break;
    } catch (error) {
      if ((error as { code?: string }).code !== "55P03") throw error;
      if (tries === LOCK_TRIES) {
        throw new UserError(
          "the tables are written to without a pause, so nothing was switched: stop what writes to them, or try again",
        );
      }
      await clock.sleep(fullJitter(tries, LOCK_RETRY, random), signal);
    }
  }
  await tx.unsafe("set local lock_timeout = 0");
}
