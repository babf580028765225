import type { Sql } from "../../engine/store.ts";
import { quoted } from "./roles-plan.ts";

interface Policy {
  name: string;
  permissive: string;
  roles: string[];
  command: string;
  using: string | null;
  check: string | null;
}

/**
 * Where the ledger has row-level security, as hosted databases set it up, tables that came later get it too, with the
 * same policies; those named in `except` belong to logins that are given their own. Returns the tables it secured.
 */
export async function followRowSecurity(
  tx: Sql,
  tables: readonly string[],
  except: readonly string[],
): Promise<string[]> {
  const open = await unsecured(tx, tables);
  if (open.length === 0) return [];
  const policies = await tx<Policy[]>`
    select policyname as name, permissive, roles::text[] as roles, cmd as command, qual as using, with_check as check
    from pg_policies where schemaname = 'lifestream' and tablename = 'events'
      and policyname <> all(${except as string[]}::text[])`;
  for (const table of open) {
    await tx.unsafe(`alter table lifestream.${quoted(table)} enable row level security`);
    for (const policy of policies) await tx.unsafe(policyOn(table, policy));
  }
  return open;
}

async function unsecured(tx: Sql, tables: readonly string[]): Promise<string[]> {
  const rows = await tx<{ name: string }[]>`
    select c.relname as name from pg_class c
    where c.relnamespace = to_regnamespace('lifestream') and c.relname = any(${tables as string[]}::text[])
      and not c.relrowsecurity
      and (select relrowsecurity from pg_class where oid = to_regclass('lifestream.events')) order by 1`;
  return rows.map(({ name }) => name);
}

function policyOn(table: string, { name, permissive, roles, command, using, check }: Policy): string {
  const to = roles.map((role) => (role === "public" ? role : quoted(role))).join(", ");
  const conditions = `${using === null ? "" : ` using (${using})`}${check === null ? "" : ` with check (${check})`}`;
  return `create policy ${quoted(name)} on lifestream.${quoted(table)} as ${permissive} for ${command} to ${to}${conditions}`;
}
