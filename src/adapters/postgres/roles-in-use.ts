import type { Database } from "./connect.ts";

/** The prefixes under which roles were made for this database: a later migration grants what is new to them. */
export async function prefixesInUse(db: Database): Promise<string[]> {
  const rows = await db<{ prefix: string }[]>`
    select regexp_replace(r.rolname, 'materializer$', '') as prefix
    from pg_namespace n cross join aclexplode(n.nspacl) a join pg_roles r on r.oid = a.grantee
    where n.nspname = 'lifestream' and a.privilege_type = 'USAGE' and r.rolname like '%materializer' order by 1`;
  return rows.map(({ prefix }) => prefix).filter((prefix) => prefix !== "");
}

/** The policy by which roles of this prefix see the rows of a table with row-level security. */
export const policyName = (prefix: string) => `${prefix}roles`;
