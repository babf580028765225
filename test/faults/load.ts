import type { Life } from "./life.ts";

/** Captures so many events again and again until it is stopped. */
export function startLoad(
  life: Pick<Life, "capture">,
  { batch, everyMs, now }: { batch: number; everyMs: number; now?: () => Date },
) {
  let on = true;
  const running = (async () => {
    for (let next = performance.now(); on; next += everyMs) {
      await life.capture(batch, now);
      await Bun.sleep(Math.max(0, next + everyMs - performance.now()));
    }
  })();
  // Told by stop().
  running.catch(() => {});
  return {
    async stop(): Promise<void> {
      on = false;
      await running;
    },
  };
}
