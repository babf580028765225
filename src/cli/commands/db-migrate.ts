import { classify } from "../../adapters/postgres/connect.ts";
import { tablesIn } from "../../adapters/postgres/migrate.ts";
import { markTold, type Sums } from "../../adoption/adopt.ts";
import { addedColumns } from "../../adoption/taken-names.ts";
import { previewUpgrade, upgradeDatabase } from "../../adoption/upgrade.ts";
import { type App, allMigrations } from "../../app.ts";
import { adoptionLines, sumLines } from "../adoption-report.ts";
import type { CommandInput } from "../command.ts";
import { openCommandApp } from "../context.ts";
import { migrateRoles, refreshRoles, showRoles } from "./db-roles.ts";

export async function dbMigrate({ options }: CommandInput): Promise<void> {
  // With agents: each has a role of its own.
  await using app = await openCommandApp("db:migrate", { kafka: false, withAgents: true });
  if (options.dryRun) {
    const upToDate = await preview(app, options.all === true);
    if (options.roles && upToDate) await showRoles(app, options.rolePrefix);
    return;
  }
  await migrateApp(app, console.log, { all: options.all === true });
  await (options.roles ? migrateRoles(app, options.rolePrefix) : refreshRoles(app));
}

/** Brings the database up to date and says what it did. */
export async function migrateApp(app: App, say: (line: string) => void, { all = false } = {}): Promise<void> {
  const { applied, secured, adoption } = await upgradeDatabase(app, showProgress).catch(rethrow);
  say(applied.length === 0 ? "the schema is up to date" : `applied ${applied.join(", ")}`);
  if (secured.length > 0) say(`row-level security, as the ledger has it, on ${secured.join(", ")}`);
  if (!adoption) return;
  say("the first system's database was adopted");
  for (const line of adoptionLines(adoption, { done: true, all })) say(line);
  saySums(adoption.sums, say);
  await markTold(app.db);
}

function saySums({ before, after, changed }: Sums, say: (line: string) => void): void {
  say("every table, before and after:");
  for (const line of sumLines(before, after)) say(line);
  if (changed.length === 0) return;
  say(`${changed.join(", ")} changed meanwhile: another program has written there, as nothing here does`);
}

/** Returns whether there is nothing to do. */
async function preview(app: App, all: boolean): Promise<boolean> {
  const { pending, adoption } = await previewUpgrade(app, showProgress).catch(rethrow);
  console.log(pending.length === 0 ? "the schema is up to date" : `would apply: ${pending.join(", ")}`);
  if (!adoption) return pending.length === 0;
  const migrations = (await allMigrations(app.registry)).filter(({ name }) => pending.includes(name));
  const there = new Set(Object.keys(adoption.sums));
  console.log("this is the first system's database, and would be adopted; nothing was changed");
  console.log(
    `tables added: ${tablesIn(migrations)
      .filter((table) => !there.has(table))
      .join(", ")}`,
  );
  const columns = migrations.flatMap(({ sql }) => addedColumns(sql)).filter(({ table }) => there.has(table));
  console.log(`columns added: ${columns.map(({ table, column }) => `${table}.${column}`).join(", ")}`);
  for (const line of adoptionLines(adoption, { done: false, all })) console.log(line);
  console.log("every table, as it is and would be:");
  for (const line of sumLines(adoption.sums)) console.log(line);
  return false;
}

/** On a terminal, one line that counts, and is gone when something else is said. */
function showProgress(events: number): void {
  if (process.stderr.isTTY) process.stderr.write(`adopting: ${events} events read\x1b[K\r`);
}

function rethrow(error: unknown): never {
  throw classify(error);
}
