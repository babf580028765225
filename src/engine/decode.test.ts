import { describe, expect, test } from "bun:test";
import { z } from "zod";
import { checkPayload, decodeEvent, decodeJson } from "./decode.ts";
import { DataError } from "./errors.ts";
import { defineEvent } from "./event.ts";
import type { LogRecord } from "./log.ts";

const ROW = {
  id: "018f4e3a-0000-7000-8000-000000000001",
  occurred_at: "2026-01-01T00:00:00.000Z",
  received_at: "2026-01-01T00:00:01.000Z",
  source: "test",
  subject: "todo",
  subject_id: "t:1",
  event_type: "todo.created",
  schema_version: 1,
  payload: { title: "x" },
  correlation_id: null,
  causation_id: null,
  position: 7,
};

function record(value: unknown, key: string | null = "t:1"): LogRecord {
  const bytes =
    value instanceof Uint8Array ? value : Buffer.from(typeof value === "string" ? value : JSON.stringify(value));
  const none = value === null;
  const keyBytes = key === null ? null : Buffer.from(key);
  return {
    topic: "events.raw",
    partition: 0,
    offset: 0,
    key: keyBytes,
    value: none ? null : bytes,
    headers: {},
    timestamp: 0,
  };
}

const classOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    if (error instanceof DataError) return error.errorClass;
    throw error;
  }
  return "none";
};

describe("records that are no event", () => {
  const cases: [string, LogRecord, string][] = [
    ["no key", record(ROW, null), "missing_key"],
    ["no value", record(null), "empty_value"],
    ["not UTF-8", record(new Uint8Array([0xff, 0xfe, 0x00])), "wrong_encoding"],
    ["no JSON", record("{half"), "invalid_json"],
    ["JSON of another shape", record([1, 2]), "wrong_shape"],
    ["an id that is no UUID", record({ ...ROW, id: "7" }), "wrong_shape"],
    ["a time that is none", record({ ...ROW, occurred_at: "yesterday" }), "wrong_shape"],
  ];
  for (const [name, bad, errorClass] of cases) {
    test(`given ${name}, when decoded, then the reason is ${errorClass}`, () => {
      expect(classOf(() => decodeEvent(bad))).toBe(errorClass);
    });
  }
});

test("given a ledger row, when decoded, then every column is there", () => {
  const { event, payloadInLedger } = decodeEvent(record(ROW));
  expect(event).toMatchObject({
    id: ROW.id,
    subjectId: "t:1",
    type: "todo.created",
    payload: { title: "x" },
    position: 7,
  });
  expect(payloadInLedger).toBe(false);
});

test("given a payload that is text holding an object, when decoded, then it is unwrapped once", () => {
  const twice = JSON.stringify(JSON.stringify({ title: "x" }));
  expect(decodeEvent(record({ ...ROW, payload: JSON.stringify({ title: "x" }) })).event.payload).toEqual({
    title: "x",
  });
  expect(typeof decodeEvent(record({ ...ROW, payload: twice })).event.payload).toBe("string");
});

test("given a record of another sender without a position, when decoded, then it has none", () => {
  const { position: _, ...row } = ROW;
  expect(decodeEvent(record(row)).event.position).toBeNull();
});

test("given an older version, when checked, then it is brought up to date; a newer one is refused", () => {
  const definition = defineEvent({
    type: "todo.created",
    subject: "todo",
    version: 2,
    payload: z.looseObject({ heading: z.string() }),
    upcast: (payload, version) => (version < 2 ? { ...payload, heading: payload.title } : payload),
  });
  const { event } = decodeEvent(record(ROW));
  expect(checkPayload(event, definition).payload).toEqual({ title: "x", heading: "x" });
  expect(classOf(() => checkPayload({ ...event, schemaVersion: 3 }, definition))).toBe("newer_version");
});

test("given unknown keys, when checked, then they are kept", () => {
  const definition = defineEvent({ type: "a", subject: "a", version: 1, payload: z.looseObject({}) });
  const { event } = decodeEvent(record({ ...ROW, payload: { extra: [1] } }));
  expect(checkPayload(event, definition).payload).toEqual({ extra: [1] });
});

test("given a record that is JSON, when read as JSON, then its value comes out", () => {
  expect(decodeJson(record({ a: 1 }))).toEqual({ a: 1 });
});
