import type { Sql } from "../../engine/store.ts";

/** What was sent longer ago than this is in no tail that a broker loses. */
const TAIL_DAYS = 7;

/**
 * The dead-letter topic may lack what it was sent: all of it where it is another one, else what is not old. The dispatcher
 * reads what it holds from its beginning, and sends the rest.
 */
export async function forgetSentLetters(tx: Sql, { all }: { readonly all: boolean }): Promise<void> {
  await tx`
    update lifestream.work set dead_letter_sent_at = null
    where status in ('dead', 'discarded')
      and (${all} or dead_letter_sent_at > clock_timestamp() - ${TAIL_DAYS} * interval '1 day')`;
  await tx`update lifestream.dead_letter_batch set sent_from = '{}'`;
}
