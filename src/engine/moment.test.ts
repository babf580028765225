import { expect, test } from "bun:test";
import { momentOf } from "./moment.ts";

const now = new Date("2026-03-04T05:06:07.000Z");

test.each([
  ["90min", "2026-03-04T03:36:07.000Z"],
  ["2h", "2026-03-04T03:06:07.000Z"],
  ["7d", "2026-02-25T05:06:07.000Z"],
  ["2026-01-31T12:00Z", "2026-01-31T12:00:00.000Z"],
])("given %p, when read as a moment, then it is %p", (text, moment) => {
  expect(momentOf(text, now)).toBe(moment);
});

test.each(["", "soon", "7 weeks", "99999999999999999999d", "-1h"])("given %p, when read, then it is none", (text) => {
  expect(momentOf(text, now)).toBeNull();
});
