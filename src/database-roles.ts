import { tablesIn } from "./adapters/postgres/migrate.ts";
import { type DatabaseRole, databaseRoles } from "./adapters/postgres/roles.ts";
import { type App, allMigrations } from "./app.ts";

/** The roles of this program in Postgres. `embedded`: the log is there too. */
export async function rolesOfDatabase({ registry }: Pick<App, "registry">, embedded: boolean): Promise<DatabaseRole[]> {
  return databaseRoles({ registry, tables: tablesIn(await allMigrations(registry)), embedded });
}
