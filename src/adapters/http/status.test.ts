import { expect, test } from "bun:test";
import { errorClassOf } from "../../engine/errors.ts";
import { retryAfterMs, statusFailure } from "./status.ts";

test.each([
  [200, {}, null, null],
  [204, {}, null, null],
  [302, {}, "TerminalError", "http_4xx"],
  [401, {}, "TerminalError", "http_4xx"],
  [403, { "cf-mitigated": "challenge" }, "TerminalError", "bot_wall"],
  [404, {}, "TerminalError", "http_4xx"],
  [410, {}, "TerminalError", "http_4xx"],
  [408, {}, "RetryableError", "http_4xx"],
  [425, {}, "RetryableError", "http_4xx"],
  [429, {}, "RetryableError", "rate_limited"],
  [429, { "retry-after": "7" }, "RetryLaterError", "rate_limited"],
  [500, {}, "RetryableError", "http_5xx"],
  [503, {}, "RetryableError", "http_5xx"],
  [503, { "retry-after": "7" }, "RetryLaterError", "rate_limited"],
] as const)("%d %j", (status, headers, name, errorClass) => {
  const failure = statusFailure(status, headers, 0);
  expect(failure?.name ?? null).toBe(name);
  expect(failure && errorClassOf(failure)).toBe(errorClass);
});

test("Retry-After is seconds or a date, never negative, at most an hour", () => {
  const now = Date.parse("2026-01-01T00:00:00Z");
  expect(retryAfterMs("30", now)).toBe(30_000);
  expect(retryAfterMs("Thu, 01 Jan 2026 00:01:00 GMT", now)).toBe(60_000);
  expect(retryAfterMs("Wed, 31 Dec 2025 00:00:00 GMT", now)).toBe(0);
  expect(retryAfterMs("999999999", now)).toBe(3_600_000);
  expect(retryAfterMs("soon", now)).toBeNull();
  expect(retryAfterMs(undefined, now)).toBeNull();
});
