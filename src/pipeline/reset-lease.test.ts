import { expect, test } from "bun:test";
import type { Clock } from "../engine/clock.ts";
import { EnvironmentError, messageOf } from "../engine/errors.ts";
import type { Leases } from "../engine/store.ts";
import { aloneResetting, type HeldReset } from "./reset-lease.ts";

const LOST = /^this reset stood still or was without Postgres for 10 s, so another may have begun/;
const STEP_MS = 1_000;

/** Time that passes when told to; whoever waits is called on the way. */
function handMoved() {
  let now = 0;
  const alarms: { at: number; every: number; ring: () => void }[] = [];
  const clock: Clock = {
    now: () => now,
    date: () => new Date(now),
    sleep: (ms) =>
      new Promise((resolve) => alarms.push({ at: now + ms, every: Number.POSITIVE_INFINITY, ring: resolve })),
    deadline: () => new AbortController().signal,
    every(ms, run) {
      alarms.push({ at: now + ms, every: ms, ring: run });
      return () => {};
    },
  };
  const pass = async (ms: number) => {
    for (const end = now + ms; now < end; ) {
      now += STEP_MS;
      for (const alarm of alarms.filter(({ at }) => at <= now)) {
        alarm.at += alarm.every;
        alarm.ring();
      }
      await Bun.sleep(0); // Whoever was called goes on.
    }
  };
  /** As for a process that does not run: nobody is called. */
  const freeze = (ms: number) => {
    now += ms;
  };
  return { clock, pass, freeze };
}

/** Leases of which each renewal is answered like this. */
const renewing = (renew: () => Promise<boolean>): Leases => ({
  acquire: async () => 1,
  renew,
  release: async () => {},
  holderOf: async () => null,
});

const away = async (): Promise<boolean> => {
  throw new EnvironmentError("Postgres cannot be reached");
};

/** Whether the turn is lost after so long, and how what failed after that ends. */
async function after(ms: number, renew: () => Promise<boolean>) {
  const { clock, pass } = handMoved();
  let lost = false;
  const work = async ({ signal }: HeldReset) => {
    signal.addEventListener("abort", () => {
      lost = true;
    });
    await pass(ms);
    throw new Error("something else");
  };
  const ended = await aloneResetting({ leases: renewing(renew), clock, holder: "me" }, work).catch(messageOf);
  return { lost, ended };
}

test("given a Postgres that is away, when the lease's length is over, then the turn is lost, and not before", async () => {
  expect(await after(9_000, away)).toEqual({ lost: false, ended: "something else" });
  expect(await after(10_000, away)).toEqual({ lost: true, ended: expect.stringMatching(LOST) });
});

test("given a Postgres that never answers, when the lease's length is over, then the turn is lost too", async () => {
  expect(await after(10_000, () => new Promise(() => {}))).toMatchObject({ lost: true });
});

test("given a renewal that is refused, when it is answered, then the turn is lost at once", async () => {
  expect(await after(3_000, async () => false)).toEqual({ lost: true, ended: expect.stringMatching(LOST) });
});

test("given a Postgres that is away for less than that, when it is back, then the turn goes on", async () => {
  let calls = 0;
  const backAtTheThird = async () => (++calls % 3 === 0 ? true : away());
  expect(await after(60_000, backAtTheThird)).toEqual({ lost: false, ended: "something else" });
});

test("given a Postgres that says nothing any more, when the turn is lost amid a question to it, then the reset ends all the same", async () => {
  const { clock, pass } = handMoved();
  const silent = () => new Promise<never>(() => {});
  const leases: Leases = { ...renewing(silent), release: silent };
  const ended = aloneResetting({ leases, clock, holder: "me" }, silent).catch(messageOf);
  await pass(10_000);
  expect(await ended).toMatch(LOST);
});

test("given an answer that took as long as the lease, when the turn is to be confirmed, then it is lost", async () => {
  const { clock, freeze } = handMoved();
  const slow = async () => {
    freeze(10_000);
    return true;
  };
  const work = (held: HeldReset) => held.confirm();
  expect(await aloneResetting({ leases: renewing(slow), clock, holder: "me" }, work).catch(messageOf)).toMatch(LOST);
});

test("given another reset under way, when it is waited for in vain, then that is said once and the second ends", async () => {
  const said: string[] = [];
  const over = new AbortController();
  const leases: Leases = {
    ...renewing(away),
    acquire: async () => null,
    holderOf: async () => "the first",
  };
  const clock: Clock = {
    ...handMoved().clock,
    deadline: () => over.signal,
    sleep: async () => over.abort(),
  };
  const patience = { ms: 60_000, say: (line: string) => said.push(line) };
  const ended = await aloneResetting({ leases, clock, holder: "me", patience }, async () => "began").catch(messageOf);
  expect(ended).toContain("another reset is under way (the first): let it finish");
  expect(said).toEqual(["another reset is under way (the first): waiting for its end"]);
});
