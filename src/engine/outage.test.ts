import { expect, test } from "bun:test";
import { EnvironmentError, RefusedError } from "./errors.ts";
import { Outage } from "./outage.ts";

const longest = () => 0.999_999;

test("given a server that stays away, when tried again and again, then the reason is told once and the pauses end at 10 s", () => {
  const outage = new Outage(longest);
  const tries = Array.from({ length: 20 }, () => outage.failed(new EnvironmentError("Kafka: away")));
  expect(tries.map(({ isNews }) => isNews)).toEqual([true, ...new Array(19).fill(false)]);
  expect(tries.at(-1)?.waitMs).toBe(9_999);
});

test("given a refusal, when tried again and again, then the pauses grow to half a minute", () => {
  const outage = new Outage(longest);
  const tries = Array.from({ length: 20 }, () => outage.failed(new RefusedError("Kafka: no right")));
  expect(tries[0]?.waitMs).toBe(999);
  expect(tries.at(-1)?.waitMs).toBe(29_999);
});

test("given an outage whose reason changes, when it is told, then each new reason is, up to five", () => {
  const outage = new Outage(longest);
  const news = Array.from({ length: 9 }, (_, at) => outage.failed(new EnvironmentError(`reason ${at}`)).isNews);
  expect(news.filter(Boolean)).toHaveLength(5);
});

test("given an outage that is over, when the next one begins, then its reason is told again, and the pauses are short", () => {
  let now = 0;
  const outage = new Outage(longest, () => now);
  outage.failed(new EnvironmentError("away"));
  expect(outage.over()).toBe(true);
  expect(outage.over()).toBe(false);
  now += 10_001;
  expect(outage.failed(new EnvironmentError("away"))).toMatchObject({ isNews: true, waitMs: 199 });
});

test("given a server that comes and goes many times a second, then that is told every ten seconds, not every time", () => {
  let now = 0;
  const outage = new Outage(longest, () => now);
  let lines = 0;
  for (; now < 60_000; now += 100) {
    if (outage.failed(new EnvironmentError("No space left on device")).isNews) lines += 1;
    if (outage.over()) lines += 1;
  }
  expect(lines).toBeGreaterThanOrEqual(10);
  expect(lines).toBeLessThanOrEqual(12);
  // Another reason is news at once.
  expect(outage.failed(new EnvironmentError("away")).isNews).toBe(true);
});
