import { expect, test } from "bun:test";
import { systemClock } from "../engine/clock.ts";
import { EnvironmentError, messageOf } from "../engine/errors.ts";
import { type Logger, silentLogger } from "../engine/logger.ts";
import type { Forwarding, Leases } from "../engine/store.ts";
import { type ResetFence, untilNoReset } from "./reset-fence.ts";

/** A fence whose question fails like this for so many times; then there is no reset. */
function fence({ error, times, once }: { error: Error; times: number; once: boolean }) {
  const told: string[] = [];
  let asked = 0;
  const logger: Logger = { ...silentLogger, warn: (line) => told.push(line), info: (line) => told.push(line) };
  const leases: Partial<Leases> = {
    holderOf: async () => {
      if (++asked <= times) throw error;
      return null;
    },
  };
  const forwarding: Partial<Forwarding> = { resetUnderWay: async () => new Map() };
  const store = { leases: leases as Leases, forwarding: forwarding as Forwarding };
  const made: ResetFence = { store, logger, clock: systemClock, random: () => 0, stage: "relay", once };
  return { made, told, asked: () => asked };
}

const away = new EnvironmentError("Postgres cannot be reached");
const never = new AbortController().signal;

test("given a Postgres that is away, when a stage starts, then it says so once, asks until it is back, and says that too", async () => {
  const { made, told } = fence({ error: away, times: 5, once: false });
  await untilNoReset(made, never);
  expect(told).toEqual([
    "waiting: Postgres cannot be reached; nothing is lost, it is tried again by itself",
    "going on",
  ]);
});

test("given a Postgres that stays away, when a stage runs only once, then it ends with the cause", async () => {
  const { made, asked } = fence({ error: away, times: 100, once: true });
  expect(await untilNoReset(made, never).catch(messageOf)).toBe("Postgres cannot be reached");
  expect(asked()).toBe(3);
});

test("given a Postgres that stays away, when the stage is told to stop, then it waits no longer", async () => {
  const { made, told } = fence({ error: away, times: 1_000_000, once: false });
  const stop = new AbortController();
  const waiting = untilNoReset(made, stop.signal);
  stop.abort();
  await waiting;
  expect(told).toHaveLength(1);
});

test("given an error that is nobody's outage, when a stage starts, then it ends with it", async () => {
  const { made } = fence({ error: new Error("a mistake"), times: 1, once: false });
  expect(await untilNoReset(made, never).catch(messageOf)).toBe("a mistake");
});
