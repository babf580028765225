import { expect, test } from "bun:test";
import { createLoops } from "./loops.ts";

function aWatch() {
  let now = 0;
  const { listener, stuck } = createLoops(() => now);
  return { ...listener, stuck, wait: (seconds: number) => (now += seconds * 1_000) };
}

test("given a batch under way for a minute and more, when asked, then its loop hangs until the batch is through", () => {
  const loop = aWatch();
  const pass = loop.pass?.("router", "batch");
  loop.wait(60);
  expect(loop.stuck()).toEqual([]);
  loop.wait(15);
  expect(loop.stuck()).toEqual(["router has been at one pass for 75 s"]);
  pass?.[Symbol.dispose]();
  expect(loop.stuck()).toEqual([]);
});

test("given a loop with nothing to do, when it is silent, then it lives; one that polls does not", () => {
  const loop = aWatch();
  loop.pass?.("router", "batch")[Symbol.dispose]();
  loop.pass?.("relay", "poll")[Symbol.dispose]();
  loop.wait(61);
  expect(loop.stuck()).toEqual(["relay made no pass for 61 s"]);
  loop.pass?.("relay", "poll")[Symbol.dispose]();
  expect(loop.stuck()).toEqual([]);
});

test("given a stage that joins again and again, when it never reads, then it hangs; once it reads, it lives", () => {
  const loop = aWatch();
  loop.membership?.("fetcher", "joining");
  loop.wait(40);
  loop.membership?.("fetcher", "interrupted");
  loop.wait(21);
  expect(loop.stuck()).toEqual(["fetcher has not been reading for 61 s"]);
  loop.membership?.("fetcher", "reading");
  loop.wait(600);
  expect(loop.stuck()).toEqual([]);
});
