import { describe, expect, test } from "bun:test";
import { RetryableError } from "../../engine/errors.ts";
import { HostTurns } from "./host-turns.ts";

const never = new AbortController().signal;
const manners = { gapMs: 0, downMs: 1_000 };

/** Whether a promise has settled by the time all ready callbacks have run. */
async function settled(promise: Promise<unknown>): Promise<boolean> {
  let done = false;
  promise.then(
    () => (done = true),
    () => (done = true),
  );
  await new Promise(setImmediate);
  return done;
}

describe("turns", () => {
  test("one at a time per host, in order, and other hosts do not wait", async () => {
    const turns = new HostTurns();
    const first = await turns.take("a.test", manners, never);
    const second = turns.take("a.test", manners, never);
    const third = turns.take("a.test", manners, never);
    await turns.take("b.test", manners, never);
    expect(await settled(second)).toBe(false);
    first.release();
    (await second).release();
    await third;
  });

  test("a pause is kept between two requests to a host", async () => {
    const turns = new HostTurns();
    const gap = { gapMs: 60, downMs: 0 };
    (await turns.take("a.test", gap, never)).release();
    const start = performance.now();
    await turns.take("a.test", gap, never);
    expect(performance.now() - start).toBeGreaterThan(50);
  });

  test("whoever waits for a host that does not answer learns so at once, and so does who comes soon after", async () => {
    let now = 0;
    const turns = new HostTurns(() => now);
    const first = await turns.take("dead.test", manners, never);
    const waiting = turns.take("dead.test", manners, never);
    first.release(new RetryableError("dead.test refused the connection", "connect"));
    await expect(waiting).rejects.toMatchObject({ errorClass: "connect", name: "RetryableError" });
    await expect(turns.take("dead.test", manners, never)).rejects.toThrow("did not answer a moment ago");
    now = 1_001;
    (await turns.take("dead.test", manners, never)).release();
  });

  test("waiting ends with the signal, in the queue and in the pause, and the turn goes on", async () => {
    const turns = new HostTurns();
    const gap = { gapMs: 200, downMs: 0 };
    const first = await turns.take("a.test", gap, never);
    const queued = new AbortController();
    const inQueue = turns.take("a.test", gap, queued.signal);
    queued.abort(new Error("stop"));
    await expect(inQueue).rejects.toThrow("stop");
    first.release();
    const pausing = new AbortController();
    const inPause = turns.take("a.test", gap, pausing.signal);
    expect(await settled(inPause)).toBe(false);
    pausing.abort(new Error("stop"));
    await expect(inPause).rejects.toThrow("stop");
    await turns.take("a.test", gap, never);
  });
});
