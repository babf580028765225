import { messageOf } from "../engine/errors.ts";
import type { Logger } from "../engine/logger.ts";

/** A long-running part of the process. `run` returns when its signal aborts and it has drained, or when it is done. */
export interface Stage {
  readonly name: string;
  run(signal: AbortSignal): Promise<void>;
}

/** Of the time for stopping; the rest is for what closes after the stages: connections, the last traces. */
const DRAIN_SHARE = 0.75;

/**
 * Runs stages side by side until the signal aborts, then waits for them to drain, at most for DRAIN_SHARE of
 * `drainTimeoutMs`. A stage that fails stops the others; its error is thrown at the end. Returns normally when all stages
 * are done.
 */
export async function runStages(
  stages: readonly Stage[],
  options: { signal: AbortSignal; drainTimeoutMs: number; logger: Logger },
): Promise<void> {
  const failed = new AbortController();
  const signal = AbortSignal.any([options.signal, failed.signal]);
  const running = stages.map(async (stage) => {
    try {
      await stage.run(signal);
    } catch (error) {
      if (signal.aborted) return;
      failed.abort();
      throw new Error(`${stage.name}: ${messageOf(error)}`, { cause: error });
    }
  });
  const all = Promise.allSettled(running);
  const drainMs = options.drainTimeoutMs * DRAIN_SHARE;
  const deadline = Promise.withResolvers<"late">();
  const onAbort = () => {
    setTimeout(() => deadline.resolve("late"), drainMs).unref();
  };
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
  const outcome = await Promise.race([all, deadline.promise]);
  if (outcome === "late") {
    options.logger.warn(`not everything drained within ${drainMs} ms; what was left is taken up next time`);
    return;
  }
  const failure = outcome.find((result) => result.status === "rejected");
  if (failure) throw failure.reason;
}

/**
 * Aborts on SIGINT or SIGTERM. A second signal ends the process at once, for a person who will not wait.
 * Returns the signal and a function that takes the handlers off again.
 */
export function abortOnSignals(logger: Logger): { signal: AbortSignal; dispose: () => void } {
  const controller = new AbortController();
  const onSignal = (name: NodeJS.Signals) => {
    if (controller.signal.aborted) {
      logger.warn(`${name} again: stopping without waiting`);
      process.exit(130);
    }
    logger.info(`${name}: draining`);
    controller.abort();
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  return {
    signal: controller.signal,
    dispose: () => {
      process.off("SIGINT", onSignal);
      process.off("SIGTERM", onSignal);
    },
  };
}
