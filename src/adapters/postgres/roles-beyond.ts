import type { Database } from "./connect.ts";

/**
 * What these roles may do beyond what they were made for, a sentence each: attributes, other roles they belong to, what
 * they own, and rights outside of the schema. And what everybody may do in it. Said, and left to a person.
 */
export async function beyondRoles(db: Database, names: readonly string[]): Promise<string[]> {
  const rows = await db<{ told: string }[]>`
    with ours as (select * from pg_roles where rolname = any(${names as string[]}::text[])),
    ledger as (select oid from pg_namespace where nspname = 'lifestream')
    select format('%s has the attribute %s', o.rolname, a.name) as told
    from ours o cross join lateral (values ('SUPERUSER', o.rolsuper), ('CREATEROLE', o.rolcreaterole),
      ('CREATEDB', o.rolcreatedb), ('REPLICATION', o.rolreplication), ('BYPASSRLS', o.rolbypassrls),
      ('LOGIN', o.rolcanlogin)) as a(name, has) where a.has
    union all
    select format('%s is a member of %s', o.rolname, r.rolname)
    from ours o join pg_auth_members m on m.member = o.oid join pg_roles r on r.oid = m.roleid
    union all
    select distinct format(case d.deptype when 'o' then '%s owns %s' else '%s has rights on %s' end,
      o.rolname, pg_describe_object(d.classid, d.objid, 0))
    from ours o join pg_shdepend d on d.refclassid = 'pg_authid'::regclass and d.refobjid = o.oid
    where d.dbid = (select oid from pg_database where datname = current_database()) and (d.deptype = 'o' or (
      d.deptype = 'a'
      and not (d.classid = 'pg_namespace'::regclass and d.objid in (select oid from ledger))
      and not exists (select from pg_class c
        where d.classid = 'pg_class'::regclass and c.oid = d.objid and c.relnamespace in (select oid from ledger))))
    union all
    select format('everybody (PUBLIC) may %s on %s', string_agg(lower(a.privilege_type), ', '), c.oid::regclass)
    from pg_class c cross join aclexplode(c.relacl) a
    where c.relnamespace in (select oid from ledger) and a.grantee = 0 group by c.oid
    order by 1`;
  return rows.map(({ told }) => told);
}
