import { expect, test } from "bun:test";
import { type Clock, systemClock } from "../engine/clock.ts";
import { EnvironmentError, RefusedError } from "../engine/errors.ts";
import { type Logger, silentLogger } from "../engine/logger.ts";
import type { Leases, Wake } from "../engine/store.ts";
import { noTelemetry } from "../engine/telemetry.ts";
import { drain } from "./drain.ts";

const refused = new RefusedError("Kafka: no right");
const away = new EnvironmentError("Kafka: nobody there");

interface LoopOptions {
  readonly once?: boolean;
  /** What keeps a part of each step from being done. */
  readonly trouble?: () => Error | null;
}

/** A loop whose steps fail as told, on a clock that only notes how long was waited; it stops after the last. */
function aLoop(outcomes: readonly (Error | null)[], { once = false, trouble }: LoopOptions = {}) {
  const stop = new AbortController();
  const waits: number[] = [];
  const lines: string[] = [];
  let ring = () => {};
  let steps = 0;
  const clock: Clock = {
    ...systemClock,
    async sleep(ms, signal) {
      waits.push(ms);
      // Somebody knocks all the time.
      ring();
      signal.throwIfAborted();
    },
  };
  const wake: Wake = {
    async listen(_channel, onWake) {
      ring = onWake;
    },
  };
  const leases: Leases = {
    acquire: async () => 1,
    renew: async () => true,
    release: async () => {},
    holderOf: async () => null,
  };
  const logger: Logger = { ...silentLogger, warn: (line) => void lines.push(line) };
  const drainer = {
    name: "relay",
    channel: "events" as const,
    pollMs: 1_000,
    ...(trouble && { trouble }),
    async step() {
      const outcome = outcomes[steps];
      steps += 1;
      if (steps >= outcomes.length) stop.abort();
      if (outcome) throw outcome;
      return false;
    },
  };
  const context = { leases, wake, logger, telemetry: noTelemetry, signal: stop.signal, clock, holder: "me", once };
  return { run: () => drain(drainer, { ...context, random: () => 0.999_999 }), waits, lines, steps: () => steps };
}

test("given a refusal at the first step, when it runs, then it ends with it", async () => {
  const loop = aLoop([refused, null]);
  await expect(loop.run()).rejects.toBe(refused);
  expect(loop.steps()).toBe(1);
});

test("given a refusal after it has worked, when events come in all the time, then it knocks ever more rarely, and tells once", async () => {
  const loop = aLoop([null, ...new Array(7).fill(refused), null]);
  await loop.run();
  expect(loop.lines).toEqual(["waiting: Kafka: no right; nothing is lost, it goes on by itself once that is mended"]);
  expect(loop.waits.filter((ms) => ms < 900)).toEqual([]);
  expect(loop.waits).toContain(29_999);
});

test("given a server that is away, when it runs once, then it gives up after three tries", async () => {
  const loop = aLoop([away, away, away, away], { once: true });
  await expect(loop.run()).rejects.toBe(away);
  expect(loop.steps()).toBe(3);
});

test("given a lease that was another's in between, when it is held again, then what was under way is forgotten", async () => {
  const stop = new AbortController();
  const terms = [1, 1, 2, 2];
  const did: string[] = [];
  const clock: Clock = { ...systemClock, now: () => did.length * 60_000, sleep: async () => {} };
  const leases: Leases = {
    acquire: async () => terms.shift() ?? null,
    renew: async () => true,
    release: async () => {},
    holderOf: async () => null,
  };
  const drainer = {
    name: "relay",
    channel: "events" as const,
    pollMs: 1_000,
    reset: () => void did.push("reset"),
    async step() {
      did.push("step");
      if (terms.length === 0) stop.abort();
      return true;
    },
  };
  const wake: Wake = { listen: async () => {} };
  const context = { leases, wake, logger: silentLogger, telemetry: noTelemetry, signal: stop.signal, clock };
  await drain(drainer, { ...context, random: () => 0.5, holder: "me", once: false });
  expect(did).toEqual(["reset", "step", "step", "reset", "step", "step"]);
});

test("given steps of which a part cannot be done, when it runs, then it goes on at its pace, and tells once", async () => {
  const loop = aLoop(new Array(6).fill(null), { trouble: () => away });
  await loop.run();
  expect(loop.steps()).toBe(6);
  expect(loop.lines).toEqual(["waiting: Kafka: nobody there; nothing is lost, it is tried again by itself"]);
});

test("given a part that cannot be done, when it runs once, then it does not end as if all were done", async () => {
  const loop = aLoop(new Array(6).fill(null), { once: true, trouble: () => away });
  await expect(loop.run()).rejects.toBe(away);
  expect(loop.steps()).toBe(3);
});
