import { LeaseLostError } from "../../engine/errors.ts";
import type { Lease, Leases, Sql } from "../../engine/store.ts";
import type { Database } from "./connect.ts";

/** Leases as rows; time is the database's, so clocks of machines do not matter. */
export function createLeases(db: Database): Leases {
  return {
    async acquire({ name, holder }, ttlMs) {
      const [row] = await db<{ term: number }[]>`
        insert into lifestream.leases as l (name, holder, expires_at)
        values (${name}, ${holder}, clock_timestamp() + ${ttlMs} * interval '1 millisecond')
        on conflict (name) do update set holder = excluded.holder, expires_at = excluded.expires_at,
          term = case when l.holder = excluded.holder then l.term else excluded.term end
          where l.holder = excluded.holder or l.expires_at < clock_timestamp()
        returning term`;
      return row?.term ?? null;
    },
    async renew({ name, holder }, ttlMs) {
      const { count } = await db`
        update lifestream.leases set expires_at = clock_timestamp() + ${ttlMs} * interval '1 millisecond'
        where name = ${name} and holder = ${holder}`;
      return count > 0;
    },
    async release({ name, holder }) {
      await db`delete from lifestream.leases where name = ${name} and holder = ${holder}`;
    },
    async holderOf(name) {
      const [row] = await db<{ holder: string }[]>`
        select holder from lifestream.leases where name = ${name} and expires_at >= clock_timestamp()`;
      return row?.holder ?? null;
    },
  };
}

/** Fence: holds the lease's row until the transaction ends, or throws when somebody else has it by now. */
export async function requireLease(tx: Sql, { name, holder }: Lease): Promise<void> {
  const rows = await tx`
    select 1 from lifestream.leases where name = ${name} and holder = ${holder} for share`;
  if (rows.length === 0) throw new LeaseLostError(`the lease "${name}" is held by somebody else`);
}
