import type { Database } from "./connect.ts";
import type { DatabaseRole } from "./roles.ts";
import { prefixesInUse } from "./roles-in-use.ts";
import { inWords, type Right, rightsOf } from "./roles-plan.ts";

/** What the present login lacks of a role's rights, by whatever way it might have them, a phrase for each table. */
export async function lackingRights(db: Database, role: DatabaseRole): Promise<string[]> {
  const wanted = rightsOf([role], "");
  const column = (of: (right: Right) => string | null) => wanted.map(of);
  const lacks = await db<Right[]>`
    select r.kind, r.name, r.privilege, r."column" from unnest(${column(({ kind }) => kind)}::text[],
      ${column(({ name }) => name)}::text[], ${column(({ privilege }) => privilege)}::text[],
      ${column((right) => right.column)}::text[]) with ordinality as r(kind, name, privilege, "column", nth)
    left join pg_class c on c.relname = r.name and c.relnamespace = to_regnamespace('lifestream')
    where not case
      when r.kind = 'schema' then has_schema_privilege(r.name, r.privilege)
      when c.oid is null then true
      when r.kind = 'sequence' then has_sequence_privilege(c.oid, r.privilege)
      when r."column" is null then has_table_privilege(c.oid, r.privilege)
      else has_column_privilege(c.oid, r."column", r.privilege) end
    order by r.nth`;
  const told = [...Map.groupBy(lacks, ({ name }) => name)].map(([name, same]) => `${inWords(same)} on ${name}`);
  const hidden = await hiddenTables(db, wanted);
  return hidden.length === 0 ? told : [...told, `a policy for the rows of ${hidden.join(", ")}`];
}

/** Tables whose rows row-level security keeps from this login. */
async function hiddenTables(db: Database, wanted: readonly Right[]): Promise<string[]> {
  const names = [...new Set(wanted.filter(({ kind }) => kind === "table").map(({ name }) => name))];
  const rows = await db<{ name: string }[]>`
    select c.relname as name from pg_class c
    where c.relnamespace = to_regnamespace('lifestream') and c.relname = any(${names}::text[])
      and row_security_active(c.oid) and not exists (
        select from pg_policy p where p.polrelid = c.oid and p.polpermissive and p.polcmd = '*'
          and exists (select from unnest(p.polroles) as to_role
            where to_role = 0 or pg_has_role(to_role, 'usage')))
    order by 1`;
  return rows.map(({ name }) => name);
}

/** The one role that this login was put into; null: none, or several, as with whoever may everything. */
export async function roleOfLogin(db: Database, roles: readonly DatabaseRole[]): Promise<DatabaseRole | null> {
  const prefixes = await prefixesInUse(db);
  const names = roles.flatMap(({ name }) => prefixes.map((prefix) => prefix + name));
  const rows = await db<{ name: string }[]>`
    select rolname as name from pg_roles where rolname = any(${names}::text[]) and pg_has_role(oid, 'usage')`;
  const [only, ...others] = rows;
  if (!only || others.length > 0) return null;
  return roles.find(({ name }) => prefixes.some((prefix) => prefix + name === only.name)) ?? null;
}
