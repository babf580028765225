import { setTimeout as delay } from "node:timers/promises";
import { messageOf } from "../../engine/errors.ts";
import type { Logger } from "../../engine/logger.ts";
import { cleanOnce, forgetGroups } from "./cleaning.ts";
import type { LogDb } from "./database.ts";

const EVERY_MS = 30_000;
/** Between two steps while there is more to clear away: appends and reads go first. */
const PAUSE_MS = 50;
/** Longer than the pause between two rounds: whoever cleans goes on doing it. */
const LEASE_MS = 90_000;

/** Keeps the log tidy from time to time, in one process at a time, until the signal aborts. */
export async function keepTidy(db: LogDb, logger: Logger, signal: AbortSignal): Promise<void> {
  const holder = crypto.randomUUID();
  const pause = (ms: number) => delay(ms, undefined, { signal, ref: false }).catch(() => {});
  while (!signal.aborted) {
    await pause(EVERY_MS);
    try {
      if (!signal.aborted && (await mayClean(db, holder))) await forgetGroups(db);
      while (!signal.aborted && (await mayClean(db, holder)) && (await cleanOnce(db)) > 0) await pause(PAUSE_MS);
    } catch (error) {
      logger.debug(`the log was not tidied: ${messageOf(error)}`);
    }
  }
}

/** Takes or renews the lease; time is the database's. */
async function mayClean(db: LogDb, holder: string): Promise<boolean> {
  const taken = await db`
    update lifestream.log_cluster
    set cleaner = ${holder}, cleaner_until = clock_timestamp() + ${LEASE_MS} * interval '1 millisecond'
    where cleaner = ${holder} or cleaner_until < clock_timestamp()`;
  return taken.count > 0;
}
