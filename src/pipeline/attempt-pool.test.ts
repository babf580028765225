import { expect, test } from "bun:test";
import type { Agent } from "../engine/agent.ts";
import { systemClock } from "../engine/clock.ts";
import { silentLogger } from "../engine/logger.ts";
import { createRegistry } from "../engine/registry.ts";
import type { AcceptedWork, Store } from "../engine/store.ts";
import { noTelemetry } from "../engine/telemetry.ts";
import { AttemptPool } from "./attempt-pool.ts";

const attemptOf = (attempt: number) =>
  ({ id: "w", type: "fetch", subjectId: "s", attempt, attemptsBefore: 0, payload: {} }) as unknown as AcceptedWork;

/** A pool whose attempts end when told, and whose leases are renewed when told. */
function aPool() {
  const ends: (() => void)[] = [];
  const renewed: number[] = [];
  let renew = () => {};
  const payload = { "~standard": { validate: (value: unknown) => ({ value }) } };
  const agent = {
    name: "fetcher",
    concurrency: 4,
    timeoutMs: 10_000,
    handles: { payload },
    run: () => new Promise((resolve) => ends.push(() => resolve([]))),
  };
  const work = { finish: async () => true };
  const store = {
    transaction: (run: (tx: unknown) => unknown) => run({ work, ledger: { append: async () => [] } }),
    schedule: {
      renew: async (some: readonly AcceptedWork[]) => void renewed.push(...some.map(({ attempt }) => attempt)),
    },
  };
  const clock = {
    ...systemClock,
    every: (_ms: number, run: () => void) => {
      renew = run;
      return () => {
        renew = () => {};
      };
    },
  };
  const pool = new AttemptPool({
    agent: agent as unknown as Agent,
    registry: createRegistry([]),
    store: store as unknown as Store,
    logger: silentLogger,
    telemetry: noTelemetry,
    clock,
    random: () => 0,
  });
  return { pool, ends, renewed, renew: () => renew() };
}

test("given a lost lease and a second attempt here, when the first ends, then the second is still counted, renewed and drained", async () => {
  const { pool, ends, renewed, renew } = aPool();
  pool.start(attemptOf(1));
  pool.start(attemptOf(2));
  expect(pool.size).toBe(2);
  while (ends.length < 1) await Bun.sleep(0);
  ends[0]?.();
  // The second runs once the first has left their subject's lane.
  while (ends.length < 2) await Bun.sleep(0);
  expect(pool.size).toBe(1);
  renew();
  expect(renewed).toEqual([2]);
  let drained = false;
  const draining = pool.drain(new AbortController().signal).then(() => {
    drained = true;
  });
  await Bun.sleep(0);
  expect(drained).toBe(false);
  ends[1]?.();
  await draining;
  expect(pool.size).toBe(0);
});
