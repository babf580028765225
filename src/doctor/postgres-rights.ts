import { lackingRights, roleOfLogin } from "../adapters/postgres/roles-lacking.ts";
import type { App } from "../app.ts";
import { rolesOfDatabase } from "../database-roles.ts";
import { fail, type Outcome, ok } from "./check.ts";

/** What this login lacks for the stage it is for; without a stage (`as`, or its role's), for which stages it will do. */
export async function checkRights(app: App, as: string | null): Promise<Outcome> {
  const { db, transport } = app;
  const roles = await rolesOfDatabase(app, transport.kind === "embedded");
  const role = as ? roles.find(({ name }) => name === as) : await roleOfLogin(db, roles);
  if (role) {
    const lacks = await lackingRights(db, role);
    return lacks.length > 0
      ? fail(`as ${role.name} it lacks ${lacks.join("; ")}`, GRANT)
      : ok(`all that ${role.name} needs`);
  }
  const enough: string[] = [];
  for (const one of roles) if ((await lackingRights(db, one)).length === 0) enough.push(one.name);
  if (enough.length === roles.length) return ok("all that any stage needs");
  return enough.length > 0
    ? ok(`enough for ${enough.join(", ")} ("--as STAGE" tells what another lacks)`)
    : fail("not enough for any stage", GRANT);
}

const GRANT = 'Have the owner run "npm run db:migrate -- --roles", or log in as the owner.';
