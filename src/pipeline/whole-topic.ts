import { EnvironmentError } from "../engine/errors.ts";
import type { Log } from "../engine/log.ts";
import { lossIn } from "../engine/log-loss.ts";
import type { Forwarding } from "../engine/store.ts";

/**
 * After so long without a word from the log it may have been away, and back without its tail: no broker starts faster.
 * What is appended then would hide the loss, so the end of the log is looked at first. In milliseconds.
 */
export const SILENCE_MS = 1_000;

/**
 * Where a topic's partitions end, by `positionKey`. Throws EnvironmentError where it has lost its tail: what is appended
 * then would hide that from the relay, which notices it and lets everything be sent again.
 */
export async function endsOfWhole(
  topic: string,
  { log, forwarding }: { readonly log: Log; readonly forwarding: Forwarding },
): Promise<ReadonlyMap<string, number>> {
  // Before the log is asked: it only grows meanwhile.
  const acknowledged = await forwarding.acknowledgedIn(topic);
  const ends = await log.endOffsets([topic]);
  const loss = lossIn({ starts: new Map(), ends }, { acknowledged, flowFrom: new Map(), places: [], readers: [] });
  if (loss) throw new EnvironmentError(`${loss}: waiting until the relay has sent the ledger again`);
  return ends;
}
