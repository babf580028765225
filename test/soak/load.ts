import { classify } from "../../src/adapters/postgres/connect.ts";
import { EnvironmentError } from "../../src/engine/errors.ts";
import type { Life } from "../faults/life.ts";

export interface Captured {
  readonly captured: number;
  /** Batches that Postgres did not take, as it was away: refused as a whole, or taken without an answer. */
  readonly refused: number;
  /** For how long batches were tried that it did not take, in milliseconds. */
  readonly awayMs: number;
}

/** Captures so many events again and again until it is over, also while Postgres comes and goes. */
export async function captureUntil(
  life: Pick<Life, "capture">,
  { batch, everyMs, over }: { batch: number; everyMs: number; over: () => boolean },
): Promise<Captured> {
  let [captured, refused, awayMs] = [0, 0, 0];
  for (let next = performance.now(); !over(); ) {
    const startedAt = performance.now();
    try {
      await life.capture(batch);
      captured += batch;
    } catch (error) {
      if (!(classify(error) instanceof EnvironmentError)) throw error;
      refused += 1;
      awayMs += Math.max(everyMs, performance.now() - startedAt);
    }
    // What an outage took is not caught up: that would be another load than the one asked for.
    next = Math.max(next + everyMs, performance.now());
    await Bun.sleep(next - performance.now());
  }
  return { captured, refused, awayMs };
}
