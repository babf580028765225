import type { Latest, Resent } from "../../engine/health.ts";
import type { Sql } from "../../engine/store.ts";

/** How many times are kept. */
const KEPT = 5;

/** Writes down that work is sent again, in the transaction that makes it due; by whoever holds the dispatcher's lease. */
export async function noteResent(tx: Sql, messages: number, reason: string): Promise<void> {
  if (messages === 0) return;
  const [row] = await tx<{ number: number }[]>`
    insert into lifestream.resent_messages (number, messages, reason)
    select coalesce(max(number), 0) + 1, ${messages}, ${reason} from lifestream.resent_messages returning number`;
  await tx`delete from lifestream.resent_messages where number <= ${row?.number ?? 0}::bigint - ${KEPT}::bigint`;
}

/** The times that are kept, the last one first. */
export async function readResent(sql: Sql): Promise<Latest<Resent>> {
  const rows = await sql<(Resent & { number: number })[]>`
    select number, at, messages, reason from lifestream.resent_messages order by number desc`;
  return { total: rows[0]?.number ?? 0, latest: rows.map(({ number: _, ...row }) => row) };
}
