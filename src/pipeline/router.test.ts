import { expect, test } from "bun:test";
import { z } from "zod";
import { defineEvent, type StoredEvent } from "../engine/event.ts";
import { createRegistry } from "../engine/registry.ts";
import { defineRoute } from "../engine/route.ts";
import { defineWork } from "../engine/work.ts";
import { planWork, verdict } from "./router.ts";

const baked = defineEvent({
  type: "bread.baked",
  subject: "bread",
  version: 1,
  payload: z.looseObject({ kind: z.string() }),
});
const eatBread = defineWork({ type: "eat_bread", payload: z.looseObject({}) });
const route = defineRoute({
  on: baked,
  dispatch: eatBread,
  key: (event) => event.subjectId,
  plan: (event) => (event.payload.kind === "stone" ? null : {}),
});
const registry = createRegistry([{ name: "bread", events: [baked], routes: [route] }]);

function stored(over: Partial<StoredEvent>): StoredEvent {
  return {
    id: crypto.randomUUID(),
    occurredAt: "2026-01-01T00:00:00.000Z",
    receivedAt: "2026-01-01T00:00:00.000Z",
    source: "test",
    subject: "bread",
    subjectId: "bread:1",
    type: "bread.baked",
    schemaVersion: 1,
    payload: { kind: "rye" },
    correlationId: null,
    causationId: null,
    position: 1,
    ...over,
  };
}

test("given the same meaning twice, when work is planned, then it is one item with a deterministic id", () => {
  const first = planWork([stored({}), stored({})], registry);
  const again = planWork([stored({})], registry);
  expect(first).toHaveLength(1);
  expect(again[0]?.id).toBe(first[0]?.id ?? "");
});

test("given an event that starts a chain, when work is planned, then the event is its correlation", () => {
  const event = stored({});
  expect(planWork([event], registry)[0]).toMatchObject({ correlationId: event.id, triggeredByEventId: event.id });
});

test("given an event that asks for nothing, when work is planned, then there is none", () => {
  expect(planWork([stored({ payload: { kind: "stone" } })], registry)).toEqual([]);
});

const failed = (payload: object) =>
  stored({ type: "work.failed", payload: { error: "no", agent: "baker", ...payload } });
const policy = { backoff: { baseMs: 1_000, capMs: 60_000 }, random: () => 0.5 };

test("given a first failure, when judged, then another attempt follows after a jittered pause", () => {
  const [answer] = verdict(failed({ work_message: { id: "w", attempt: 1 } }), policy);
  expect(answer).toMatchObject({ id: "w", attempt: 1, retryInMs: 500 });
});

test("given the third failure or a terminal one, when judged, then nothing follows", () => {
  expect(verdict(failed({ work_message: { id: "w", attempt: 3 } }), policy)[0]?.retryInMs).toBeNull();
  expect(verdict(failed({ work_message: { id: "w", attempt: 1 }, retryable: false }), policy)[0]?.retryInMs).toBeNull();
});

test("given a stated time, when judged, then the pause is at least that long", () => {
  const [answer] = verdict(failed({ work_message: { id: "w", attempt: 1 }, retry_after_ms: 9_000 }), policy);
  expect(answer?.retryInMs).toBe(9_000);
});

test("given a failure of a system without work ids, when judged, then there is nothing to answer", () => {
  expect(verdict(failed({ work_message: { attempt: 1 } }), policy)).toEqual([]);
});
