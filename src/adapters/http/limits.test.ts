import { expect, test } from "bun:test";
import { DEFAULT_LIMITS } from "./limits.ts";

test("given no other word, when a page is read, then it may cost what is stated and no more", () => {
  expect(DEFAULT_LIMITS).toMatchObject({
    connectMs: 5_000,
    headersMs: 10_000,
    totalMs: 20_000,
    rawBytes: 5_000_000,
    inflatedBytes: 10_000_000,
    redirects: 5,
  });
});
