import { expect, test } from "bun:test";
import type { LogRecord } from "../engine/log.ts";
import { bytesWithPayload } from "./decode-batch.ts";

const recordOf = (value: string | null) => ({ value: value === null ? null : Buffer.from(value) }) as LogRecord;

test.each(['{"id":"1", "payload" : null, "position":7}', '{"id":"1","payload":null,"position":7}'])(
  "given %s, whose payload is read from the ledger, when it is weighed, then as the page that it stands for",
  (value) => {
    expect(bytesWithPayload(recordOf(value))).toBe(1_000_000);
  },
);

test("given any other record, when it is weighed, then it is as long as it is", () => {
  for (const value of ['{"payload":{"title":null}}', "", `{"payload":null,"x":"${"x".repeat(10_000)}"}`]) {
    expect(bytesWithPayload(recordOf(value))).toBe(value.length);
  }
  expect(bytesWithPayload(recordOf(null))).toBe(0);
});
