import { describe, expect, test } from "bun:test";
import { coalesce } from "./coalesce.ts";

/** A task whose runs end when told. */
function aTask() {
  const runs: PromiseWithResolvers<void>[] = [];
  const task = coalesce(() => {
    const run = Promise.withResolvers<void>();
    runs.push(run);
    return run.promise;
  });
  return { task, runs };
}

describe("coalesced runs", () => {
  test("given a run goes on, when many ask, then all share one next run that starts after it", async () => {
    const { task, runs } = aTask();
    const first = task.request();
    const later = Array.from({ length: 50 }, () => task.request());
    expect(runs).toHaveLength(1);
    expect(task.isRequested()).toBe(true);
    runs[0]?.resolve();
    await first;
    while (runs.length < 2) await Promise.resolve();
    runs[1]?.resolve();
    await Promise.all(later);
    expect(runs).toHaveLength(2);
  });

  test("given a run fails, when others wait, then only its own callers hear of it and the next one runs", async () => {
    const { task, runs } = aTask();
    const first = task.request();
    const second = task.request();
    runs[0]?.reject(new Error("disk full"));
    expect(first).rejects.toThrow("disk full");
    await first.catch(() => {});
    while (runs.length < 2) await Promise.resolve();
    runs[1]?.resolve();
    await second;
    expect(task.isRequested()).toBe(false);
  });

  test("given nobody asked meanwhile, when asked again, then a new run starts", async () => {
    let count = 0;
    const task = coalesce(async () => {
      count += 1;
    });
    await task.request();
    await task.request();
    expect(count).toBe(2);
  });

  test("given callers at every moment, when all are served, then no two runs overlap", async () => {
    let running = 0;
    let most = 0;
    const task = coalesce(async () => {
      most = Math.max(most, ++running);
      await Promise.resolve();
      running -= 1;
    });
    const caller = async (delay: number) => {
      for (let tick = 0; tick < delay; tick++) await Promise.resolve();
      await task.request();
    };
    await Promise.all(Array.from({ length: 100 }, (_, delay) => caller(delay)));
    expect(most).toBe(1);
  });
});
