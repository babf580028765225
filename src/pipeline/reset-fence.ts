import type { Clock } from "../engine/clock.ts";
import { EnvironmentError } from "../engine/errors.ts";
import type { Logger } from "../engine/logger.ts";
import { ONCE_TRIES, Outage, waitingFor } from "../engine/outage.ts";
import type { Forwarding, Leases } from "../engine/store.ts";
import { RESET_LEASE } from "./reset-lease.ts";

const POLL_MS = 500;

export interface ResetFence {
  readonly store: { readonly leases: Leases; readonly forwarding: Forwarding };
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: () => number;
  /** Who is kept waiting. */
  readonly stage: string;
  readonly once: boolean;
}

/**
 * Waits while the topics are made anew, and while nobody can tell whether they are; says so once. Returns when the signal
 * aborts.
 */
export async function untilNoReset(fence: ResetFence, signal: AbortSignal): Promise<void> {
  const { logger, clock, stage } = fence;
  const outage = new Outage(fence.random);
  let told = false;
  while (!signal.aborted) {
    const seen = await look(fence, outage);
    if (seen === "no reset") return;
    if ("reset" in seen && !told) {
      logger.warn(`waiting: ${seen.reset}`, { stage });
      told = true;
    }
    await clock.sleep("reset" in seen ? POLL_MS : seen.waitMs, signal).catch(() => {});
  }
}

type Seen = "no reset" | { readonly reset: string } | { readonly waitMs: number };

async function look({ store, logger, stage, once }: ResetFence, outage: Outage): Promise<Seen> {
  try {
    const reset = await resetUnderWay(store);
    if (outage.over()) logger.info("going on", { stage });
    return reset === null ? "no reset" : { reset };
  } catch (error) {
    if (!(error instanceof EnvironmentError)) throw error;
    const { isNews, waitMs } = outage.failed(error);
    if (once && outage.failures >= ONCE_TRIES) throw error;
    if (isNews) logger.warn(waitingFor(error), { stage });
    return { waitMs };
  }
}

async function resetUnderWay({ leases, forwarding }: ResetFence["store"]): Promise<string | null> {
  const holder = await leases.holderOf(RESET_LEASE);
  if (holder !== null) return `a reset of the topics is under way (${holder})`;
  const begun = await forwarding.resetUnderWay();
  return begun.size > 0 ? 'a reset of the topics was interrupted: run "npm run kafka:reset" again, it goes on' : null;
}
