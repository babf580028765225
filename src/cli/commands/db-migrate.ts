import { classify } from "../../adapters/postgres/connect.ts";
import { migrate, pendingMigrations } from "../../adapters/postgres/migrate.ts";
import { type App, allMigrations } from "../../app.ts";
import type { CommandInput } from "../command.ts";
import { openCommandApp } from "../context.ts";
import { migrateRoles, refreshRoles, showRoles } from "./db-roles.ts";

export async function dbMigrate({ options }: CommandInput): Promise<void> {
  // With agents: each has a role of its own.
  await using app = openCommandApp("db:migrate", { kafka: false, withAgents: true });
  if (options.dryRun) {
    const pending = await pendingMigrations(app.db, await allMigrations(app.registry)).catch(rethrow);
    console.log(pending.length === 0 ? "the schema is up to date" : `would apply: ${pending.join(", ")}`);
    if (options.roles && pending.length === 0) await showRoles(app, options.rolePrefix);
    return;
  }
  console.log(await migrateApp(app));
  await (options.roles ? migrateRoles(app, options.rolePrefix) : refreshRoles(app));
}

/** Brings the database up to date and says what it did. */
export async function migrateApp(app: App): Promise<string> {
  const applied = await migrate(app.db, await allMigrations(app.registry)).catch(rethrow);
  return applied.length === 0 ? "the schema is up to date" : `applied ${applied.join(", ")}`;
}

function rethrow(error: unknown): never {
  throw classify(error);
}
