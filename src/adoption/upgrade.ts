import { type Migration, migrate, pendingMigrations, secureTables, tablesIn } from "../adapters/postgres/migrate.ts";
import { type App, allMigrations } from "../app.ts";
import {
  type Adoption,
  adopt,
  isAdopted,
  markFound,
  previewAdoption,
  unfinishedAdoption,
  untoldAdoption,
} from "./adopt.ts";
import { checksums, presentColumns, type TableSum } from "./checksums.ts";
import { inspectDatabase } from "./inspect.ts";
import type { AdoptionReport } from "./report.ts";

/** What bringing a database up to date did. */
export interface Upgrade {
  /** Migrations applied. */
  readonly applied: readonly string[];
  /** Tables that got the row-level security that the ledger has. */
  readonly secured: readonly string[];
  /** What was adopted, now or by a run that was killed before it could say so. Null: nothing. */
  readonly adoption: Adoption | null;
}

/** What it would do. */
export interface UpgradePreview {
  readonly pending: readonly string[];
  readonly adoption: (AdoptionReport & { readonly sums: Readonly<Record<string, TableSum>> }) | null;
}

/** Told, while the ledger is folded, how many events are. */
type OnProgress = (events: number) => void;

/**
 * Creates or upgrades the schema; adopts the first system's database, and goes on with an adoption that was cut off.
 * `markTold` when a person has read what was adopted.
 */
export async function upgradeDatabase(
  { db, registry }: Pick<App, "db" | "registry">,
  onProgress: OnProgress,
): Promise<Upgrade> {
  const migrations = await allMigrations(registry);
  if ((await inspectDatabase(db, migrations)) === "first-system") await markFound(db, migrations);
  const { applied, secured: made } = await migrate(db, migrations);
  const secured = [...made, ...(await secureTables(db, await ownTables(db, migrations)))];
  const found = await unfinishedAdoption(db);
  if (found) await adopt(db, found, { registry, migrations, onProgress });
  return { applied, secured, adoption: await untoldAdoption(db) };
}

/** Says what `upgradeDatabase` would do. Reads only, and needs no more than the right to read. */
export async function previewUpgrade(
  { db, registry }: Pick<App, "db" | "registry">,
  onProgress: OnProgress,
): Promise<UpgradePreview> {
  const migrations = await allMigrations(registry);
  const kind = await inspectDatabase(db, migrations);
  const pending = await pendingMigrations(db, migrations);
  const toAdopt = kind === "first-system" || (kind === "ours" && (await unfinishedAdoption(db)) !== null);
  if (!toAdopt) return { pending, adoption: null };
  const sums = await checksums(db, await presentColumns(db));
  return { pending, adoption: { ...(await previewAdoption(db, { registry, migrations, onProgress })), sums } };
}

/** Tables that were made by us: whether others' rows are hidden from anybody is not our affair. */
async function ownTables(db: App["db"], migrations: readonly Migration[]): Promise<string[]> {
  const theirs = (await isAdopted(db)) ? tablesIn(migrations.slice(0, 1)) : [];
  return tablesIn(migrations).filter((table) => table === "schema_migrations" || !theirs.includes(table));
}
