import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../engine/errors.ts";
import type { Sql } from "../../engine/store.ts";
import type { Database } from "./connect.ts";
import { policyName, prefixesInUse } from "./roles-in-use.ts";
import { followRowSecurity } from "./row-security.ts";

/** One numbered step of the schema; applied once, in its own transaction, never changed afterwards. */
export interface Migration {
  readonly name: string;
  readonly sql: string;
}

/** First and last step of adopting the first system's database: they stand among the migrations (`src/adoption`). */
export const ADOPTION_FOUND = "adoption/found";
export const ADOPTION_DONE = "adoption/adopted";

/** Key of the lock that keeps two migrating processes apart; transaction-level, so it works through a pooler. */
const LOCK_KEY = 7_316_582_014;

/** Keeps everybody else from changing the schema until the transaction ends. */
export async function lockSchema(tx: Sql): Promise<void> {
  await tx`select pg_advisory_xact_lock(${LOCK_KEY})`;
}

/**
 * Keeps the schema as it is until the transaction ends, for one that reads for long: a migration then waits here, and not
 * for a table, where everybody else would queue up behind it.
 */
export async function holdSchema(tx: Sql): Promise<void> {
  await tx`select pg_advisory_xact_lock_shared(${LOCK_KEY})`;
}

/** The core's migrations, in order. */
export async function coreMigrations(): Promise<Migration[]> {
  const folder = join(import.meta.dirname, "migrations");
  const files = (await readdir(folder)).filter((file) => file.endsWith(".sql")).sort();
  return Promise.all(
    files.map(async (file) => ({ name: file.replace(/\.sql$/, ""), sql: await readFile(join(folder, file), "utf8") })),
  );
}

/** What migrating did. */
export interface Migrated {
  /** The names of the migrations that were applied. */
  readonly applied: readonly string[];
  /** Tables that got the row-level security that the ledger has. */
  readonly secured: readonly string[];
}

/**
 * Brings the schema up to date: forward only, each missing migration in a transaction of its own under a lock. What it
 * makes follows the ledger in its row-level security, within that transaction: where every new table can be read by
 * everybody until then, nobody ever sees one of ours. A database with migrations this code does not know is refused: it
 * is newer.
 */
export async function migrate(db: Database, migrations: readonly Migration[]): Promise<Migrated> {
  const ofRoles = (await prefixesInUse(db)).map(policyName);
  await db.begin(createMigrationList);
  const applied: string[] = [];
  const secured: string[] = [];
  for (const migration of migrations) {
    const done = await applyOne(db, migration, migrations, ofRoles);
    if (!done) continue;
    applied.push(migration.name);
    secured.push(...done.secured);
  }
  return { applied, secured };
}

/** Of tables made before the ledger got its row-level security, or not by us. Returns those that have it now. */
export async function secureTables(db: Database, tables: readonly string[]): Promise<string[]> {
  const ofRoles = (await prefixesInUse(db)).map(policyName);
  return db.begin((tx) => followRowSecurity(tx, tables, ofRoles)) as Promise<string[]>;
}

/** Makes the list of what was applied, where it is not there; keeps others out until the transaction ends. */
export async function createMigrationList(tx: Sql): Promise<void> {
  await lockSchema(tx);
  // Asked first: "if not exists" wants the right to create even where there is nothing to create.
  const [there] = await tx<{ schema: boolean; list: boolean }[]>`
    select to_regnamespace('lifestream') is not null as schema,
      to_regclass('lifestream.schema_migrations') is not null as list`;
  if (!there?.schema) await tx`create schema lifestream`;
  if (there?.list) return;
  await tx`create table lifestream.schema_migrations (
    name text primary key, checksum text not null, applied_at timestamptz not null default now())`;
  await followRowSecurity(tx, ["schema_migrations"], []);
}

/** The tables that migrations make: other programs' tables in the same schema are not our concern. */
export function tablesIn(migrations: readonly Migration[]): string[] {
  const made = /create table (?:if not exists )?lifestream\.(\w+)/gi;
  const tables = migrations.flatMap(({ sql }) => [...sql.matchAll(made)].map(([, name = ""]) => name));
  return [...new Set(["schema_migrations", ...tables])];
}

/** The names of migrations that `migrate` would apply, and of an adoption that is not through. */
export async function pendingMigrations(db: Database, migrations: readonly Migration[]): Promise<string[]> {
  const [exists] = await db`select to_regclass('lifestream.schema_migrations') is not null as yes`;
  if (!exists?.yes) return migrations.map((migration) => migration.name);
  const known = await appliedChecksums(db, migrations);
  const pending = migrations.filter((migration) => !known.has(migration.name)).map((migration) => migration.name);
  return known.has(ADOPTION_FOUND) && !known.has(ADOPTION_DONE) ? [...pending, "adoption"] : pending;
}

/** Returns null where it was applied already. */
async function applyOne(
  db: Database,
  migration: Migration,
  all: readonly Migration[],
  ofRoles: readonly string[],
): Promise<Pick<Migrated, "secured"> | null> {
  return db.begin(async (tx) => {
    await lockSchema(tx);
    const known = await appliedChecksums(tx as unknown as Database, all);
    const checksum = createHash("sha256").update(migration.sql).digest("hex");
    const before = known.get(migration.name);
    if (before !== undefined && before !== checksum) {
      throw new UserError(
        `migration ${migration.name} was applied to this database in another form: restore the file, and put the change into a new migration`,
      );
    }
    if (before !== undefined) return null;
    const made = await lackingTables(tx, [migration]);
    await tx.unsafe(migration.sql);
    const secured = await followRowSecurity(tx, made, ofRoles);
    await tx`insert into lifestream.schema_migrations (name, checksum) values (${migration.name}, ${checksum})`;
    return { secured };
  }) as Promise<Pick<Migrated, "secured"> | null>;
}

/** Tables that these migrations make and that are not there yet. */
async function lackingTables(tx: Sql, migrations: readonly Migration[]): Promise<string[]> {
  const rows = await tx<{ name: string }[]>`
    select name from unnest(${tablesIn(migrations)}::text[]) as name where to_regclass('lifestream.' || name) is null`;
  return rows.map(({ name }) => name);
}

async function appliedChecksums(db: Database, all: readonly Migration[]): Promise<Map<string, string>> {
  const rows = await db<{ name: string; checksum: string }[]>`select name, checksum from lifestream.schema_migrations`;
  const names = new Set(all.map((migration) => migration.name));
  // Domains bring migrations too (`domain/0001`); one that is no longer registered leaves its tables and is no danger.
  const newer = rows.find((row) => !names.has(row.name) && !row.name.includes("/"));
  if (newer) {
    throw new UserError(
      `this database is newer than this program: it has migration ${newer.name}, which this version does not know; update stream-agents`,
    );
  }
  return new Map(rows.map((row) => [row.name, row.checksum]));
}
