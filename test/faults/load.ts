import type { Life } from "./life.ts";

/** Captures so many events again and again until it is stopped. */
export function startLoad(life: Life, { batch, everyMs }: { batch: number; everyMs: number }) {
  let on = true;
  const running = (async () => {
    for (let next = performance.now(); on; next += everyMs) {
      await life.capture(batch);
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
