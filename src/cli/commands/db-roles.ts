import { classify } from "../../adapters/postgres/connect.ts";
import type { DatabaseRole } from "../../adapters/postgres/roles.ts";
import { applyRoles, planRoles, type RolesPlan, usesEmbeddedLog } from "../../adapters/postgres/roles-apply.ts";
import { beyondRoles } from "../../adapters/postgres/roles-beyond.ts";
import { prefixesInUse } from "../../adapters/postgres/roles-in-use.ts";
import type { App } from "../../app.ts";
import { rolesOfDatabase } from "../../database-roles.ts";
import { UserError } from "../../engine/errors.ts";
import { planLines, rolesTable } from "../role-report.ts";

const DEFAULT_PREFIX = "stream_";

/** `db:migrate --roles`: makes the roles or repairs them, and says what it did. */
export async function migrateRoles(app: App, prefixOption: unknown): Promise<void> {
  const prefix = checkedPrefix(prefixOption);
  const roles = await rolesInUse(app);
  const plan = await applied(app, roles, prefix);
  const names = roles.map(({ name }) => prefix + name);
  for (const line of planLines(plan, names)) console.log(line);
  for (const line of await beyondRoles(app.db, names).catch(rethrow)) console.log(`more than it needs: ${line}`);
  console.log(`\nNobody can log in as these. Make a login for each process, with a password of yours:
  create role relay_1 login password '...' in role ${prefix}relay;`);
}

/** The same, without doing it: who may do what, and the SQL for whoever administers the database. */
export async function showRoles(app: App, prefixOption: unknown): Promise<void> {
  const prefix = checkedPrefix(prefixOption);
  const roles = await rolesInUse(app);
  const { statements } = await planRoles(app.db, roles, prefix).catch(rethrow);
  console.log(rolesTable(roles, prefix));
  console.log("\nNothing was changed.");
  if (statements.length === 0) console.log("The roles are as they should be.");
  else console.log(`As SQL, for the owner of the tables:\n\nbegin;\n${statements.join("\n")}\ncommit;`);
}

/** After a migration: what is new to roles that were made before. */
export async function refreshRoles(app: App): Promise<void> {
  for (const prefix of await prefixesInUse(app.db).catch(rethrow)) {
    const plan = await applied(app, await rolesInUse(app), prefix);
    if (plan.statements.length > 0) console.log(`the roles ${prefix}* were brought up to date`);
  }
}

/** With rights on the log in Postgres where it is to be used, or was: this command runs without one. */
async function rolesInUse(app: App): Promise<DatabaseRole[]> {
  const embedded = app.config.transport === "embedded" || (await usesEmbeddedLog(app.db).catch(rethrow));
  return rolesOfDatabase(app, embedded);
}

async function applied(app: App, roles: readonly DatabaseRole[], prefix: string): Promise<RolesPlan> {
  const plan = await applyRoles(app.db, roles, prefix).catch((error) => {
    if ((error as { code?: unknown }).code !== NO_RIGHT) throw classify(error);
    throw new UserError(
      `this login may not make or change the roles ${prefix}* (${error.message}): have an administrator run what "npm run db:migrate -- --roles --dry-run" prints`,
    );
  });
  const { grant } = await planRoles(app.db, roles, prefix).catch(rethrow);
  // Whoever owns nothing of it grants nothing, and Postgres only warns.
  const [first] = grant;
  if (!first) return plan;
  throw new UserError(`not granted: ${first.privilege} on ${first.name} and more: log in as the owner of the tables`);
}

/** SQLSTATE: insufficient privilege. */
const NO_RIGHT = "42501";

function checkedPrefix(option: unknown): string {
  const prefix = option === undefined ? DEFAULT_PREFIX : String(option);
  if (/^[a-z_][a-z0-9_]{0,30}$/.test(prefix)) return prefix;
  throw new UserError("--role-prefix takes up to 31 small letters, digits and underscores, as in stream_", 2);
}

function rethrow(error: unknown): never {
  throw classify(error);
}
