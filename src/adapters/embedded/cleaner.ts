import { setTimeout as delay } from "node:timers/promises";
import { messageOf } from "../../engine/errors.ts";
import type { Logger } from "../../engine/logger.ts";
import { Outage } from "../../engine/outage.ts";
import { cleanOnce, forgetGroups } from "./cleaning.ts";
import type { LogDb } from "./database.ts";

const EVERY_MS = 30_000;
/** Between two steps while there is more to clear away: appends and reads go first. */
const PAUSE_MS = 50;
/** Longer than the pause between two rounds: whoever cleans goes on doing it. */
const LEASE_MS = 90_000;

/**
 * Keeps the log tidy from time to time, in one process at a time, until the signal aborts; a login that is not meant to
 * leaves it to others. That it cannot is told once: nothing else would show it before the disk is full.
 */
export async function keepTidy(db: LogDb, logger: Logger, signal: AbortSignal, everyMs = EVERY_MS): Promise<void> {
  const holder = crypto.randomUUID();
  const outage = new Outage(Math.random);
  const pause = (ms: number) => delay(ms, undefined, { signal, ref: false }).catch(() => {});
  while (!signal.aborted) {
    await pause(everyMs);
    try {
      if (signal.aborted || !(await isMeantTo(db))) continue;
      if (await mayClean(db, holder)) await forgetGroups(db);
      while (!signal.aborted && (await mayClean(db, holder)) && (await cleanOnce(db)) > 0) await pause(PAUSE_MS);
      if (outage.over()) logger.info("the log is tidied again");
    } catch (error) {
      const reason = messageOf(error);
      if (outage.failed(new Error(reason)).isNews)
        logger.warn(`the log is not tidied, so it keeps what is past its retention: ${reason}`);
    }
  }
}

/** An agent's role may not even take the lease: the router's and the materializer's tidy for it. */
async function isMeantTo(db: LogDb): Promise<boolean> {
  const [row] = await db<{ may: boolean }[]>`
    select has_column_privilege('lifestream.log_cluster', 'cleaner', 'update') as may`;
  return row?.may ?? false;
}

/** Takes or renews the lease; time is the database's. */
async function mayClean(db: LogDb, holder: string): Promise<boolean> {
  const taken = await db`
    update lifestream.log_cluster
    set cleaner = ${holder}, cleaner_until = clock_timestamp() + ${LEASE_MS} * interval '1 millisecond'
    where cleaner = ${holder} or cleaner_until < clock_timestamp()`;
  return taken.count > 0;
}
