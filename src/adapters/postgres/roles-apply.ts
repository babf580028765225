import type { Sql } from "../../engine/store.ts";
import type { Database } from "./connect.ts";
import { lockSchema } from "./migrate.ts";
import type { DatabaseRole } from "./roles.ts";
import { policyName } from "./roles-in-use.ts";
import { planRights, quoted, type Right, type RightsPlan, rightsOf, statementsOf } from "./roles-plan.ts";

/** What is to be done, or was, so that the roles are as they should be. */
export interface RolesPlan extends RightsPlan {
  /** Roles that are not there yet. */
  readonly create: readonly string[];
  /** Tables whose rows row-level security would hide, with the roles that are to see them; none: no longer. */
  readonly policies: readonly { readonly table: string; readonly roles: readonly string[] }[];
  /** Rights that are as they should be. */
  readonly kept: readonly Right[];
  /** The same as SQL. */
  readonly statements: readonly string[];
}

/** Looks at the roles as they are; changes nothing. */
export async function planRoles(
  sql: Sql | Database,
  roles: readonly DatabaseRole[],
  prefix: string,
): Promise<RolesPlan> {
  const names = roles.map(({ name }) => prefix + name);
  const wanted = await possible(sql, rightsOf(roles, prefix));
  const rights = planRights(wanted, await actualRights(sql, names));
  const create = await missingRoles(sql, names);
  const policies = await planPolicies(sql, wanted, policyName(prefix));
  const granted = new Set(rights.grant);
  return {
    ...rights,
    create,
    policies,
    kept: wanted.filter((right) => !granted.has(right)),
    statements: [
      ...create.map((name) => `create role ${quoted(name)} nologin;`),
      ...statementsOf(rights),
      ...policies.flatMap((policy) => policyStatements(policy, policyName(prefix))),
    ],
  };
}

/** Makes the roles as they should be, in one transaction; returns what was done. Only the owner of the schema can. */
export async function applyRoles(db: Database, roles: readonly DatabaseRole[], prefix: string): Promise<RolesPlan> {
  return db.begin(async (tx) => {
    await lockSchema(tx);
    const plan = await planRoles(tx, roles, prefix);
    for (const statement of plan.statements) await tx.unsafe(statement);
    return plan;
  }) as Promise<RolesPlan>;
}

/** Whether the log in Postgres has been used here. */
export async function usesEmbeddedLog(db: Database): Promise<boolean> {
  const [row] = await db<{ used: boolean }[]>`select exists (select from lifestream.log_topics) as used`;
  return row?.used === true;
}

/** Without rights on what is not there; with those on sequences that a column draws its default from. */
async function possible(sql: Sql | Database, rights: readonly Right[]): Promise<Right[]> {
  const relations = await sql<{ name: string; drawn_by: string | null }[]>`
    select c.relname as name, t.relname as drawn_by
    from pg_class c
    left join pg_depend d on d.objid = c.oid and d.classid = 'pg_class'::regclass and d.deptype = 'a'
      and d.refclassid = 'pg_class'::regclass and c.relkind = 'S'
    left join pg_class t on t.oid = d.refobjid
    where c.relnamespace = to_regnamespace('lifestream') and c.relkind in ('r', 'p', 'S')`;
  const there = new Set(relations.map(({ name }) => name));
  const drawn = relations.flatMap(({ name, drawn_by }) =>
    rights
      .filter((right) => right.kind === "table" && right.name === drawn_by && right.privilege === "insert")
      .map(({ role }): Right => ({ role, kind: "sequence", name, privilege: "usage", column: null })),
  );
  return [...rights.filter((right) => right.kind === "schema" || there.has(right.name)), ...drawn];
}

/** What these roles were given on the schema and on what is in it. */
async function actualRights(sql: Sql | Database, roles: readonly string[]): Promise<Right[]> {
  return sql<Right[]>`
    with given as (
      select 'schema' as kind, n.nspname as name, a.grantee, a.privilege_type, null as "column"
      from pg_namespace n cross join aclexplode(n.nspacl) a where n.nspname = 'lifestream'
      union all
      select case c.relkind when 'S' then 'sequence' else 'table' end, c.relname, a.grantee, a.privilege_type, null
      from pg_class c cross join aclexplode(c.relacl) a where c.relnamespace = to_regnamespace('lifestream')
      union all
      select 'table', c.relname, a.grantee, a.privilege_type, t.attname
      from pg_class c join pg_attribute t on t.attrelid = c.oid cross join aclexplode(t.attacl) a
      where c.relnamespace = to_regnamespace('lifestream') and not t.attisdropped)
    select r.rolname as role, g.kind, g.name, lower(g.privilege_type) as privilege, g."column"
    from given g join pg_roles r on r.oid = g.grantee
    where r.rolname = any(${roles as string[]}::text[]) order by 1, 2, 3, 4, 5`;
}

async function missingRoles(sql: Sql | Database, names: readonly string[]): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    select rolname as name from pg_roles where rolname = any(${names as string[]}::text[])`;
  const there = new Set(rows.map(({ name }) => name));
  return names.filter((name) => !there.has(name));
}

/** Where row-level security is on, nobody but the owner sees a row without a policy: what may be done, rights say. */
async function planPolicies(
  sql: Sql | Database,
  wanted: readonly Right[],
  policy: string,
): Promise<RolesPlan["policies"]> {
  const tables = await sql<{ table: string; secured: boolean; roles: string[] | null }[]>`
    select c.relname as table, c.relrowsecurity as secured, p.roles::text[] as roles
    from pg_class c
    left join pg_policies p on p.schemaname = 'lifestream' and p.tablename = c.relname and p.policyname = ${policy}
    where c.relnamespace = to_regnamespace('lifestream') and c.relkind in ('r', 'p')
      and (c.relrowsecurity or p.policyname is not null)
    order by 1`;
  return tables.flatMap(({ table, secured, roles: before }) => {
    const concerned = wanted.filter(({ kind, name }) => secured && kind === "table" && name === table);
    const roles = [...new Set(concerned.map(({ role }) => role))].sort();
    return roles.join() === (before ?? []).sort().join() ? [] : [{ table, roles }];
  });
}

function policyStatements({ table, roles }: RolesPlan["policies"][number], policy: string): string[] {
  const on = `${quoted(policy)} on lifestream.${quoted(table)}`;
  const drop = `drop policy if exists ${on};`;
  if (roles.length === 0) return [drop];
  return [drop, `create policy ${on} to ${roles.map(quoted).join(", ")} using (true) with check (true);`];
}
