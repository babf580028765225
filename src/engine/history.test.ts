import { expect, test } from "bun:test";
import type { StoredEvent } from "./event.ts";
import { failuresOf, timeline, type WorkItem } from "./history.ts";

const at = (second: number) => `2026-01-01T00:00:${String(second).padStart(2, "0")}.000Z`;

function event(id: string, type: string, second: number, more: Partial<StoredEvent> = {}): StoredEvent {
  const base = { id, type, occurredAt: at(second), receivedAt: at(second), subject: "link", subjectId: "link:1" };
  return {
    source: "web",
    schemaVersion: 1,
    payload: {},
    correlationId: null,
    causationId: null,
    position: second,
    ...base,
    ...more,
  };
}

function work(more: Partial<WorkItem> = {}): WorkItem {
  return {
    id: "w1",
    type: "fetch_link",
    status: "done",
    attempt: 1,
    round: 1,
    maxAttempts: 3,
    agent: "fetcher",
    triggeredByEventId: "added",
    createdAt: at(2),
    nextAttemptAt: at(2),
    startedAt: at(3),
    finishedAt: at(4),
    lastError: null,
    errorClass: null,
    ...more,
  };
}

const added = event("added", "link.added", 1);
const fetched = event("fetched", "content.fetched", 4, { causationId: "added", source: "agent:fetcher" });
const failed = (attempt: number, second: number, id = "w1") =>
  event(`failed${attempt}`, "work.failed", second, {
    causationId: "added",
    source: "agent:fetcher",
    payload: { work_message: { id, attempt }, error: `reason ${attempt}`, error_class: "connect" },
  });

test("given events and work, when told, then in the order they came to be, each with its cause and results", () => {
  const steps = timeline({ events: [added, fetched], work: [work()] });
  expect(steps).toMatchObject([
    { kind: "event", event: { id: "added" }, cause: null },
    { kind: "work", work: { id: "w1" }, cause: { id: "added" }, results: [{ id: "fetched" }] },
    { kind: "event", event: { id: "fetched" }, cause: { id: "added" } },
  ]);
});

test("given failed attempts, when told, then they stand with their work and not beside it", () => {
  const steps = timeline({
    events: [added, failed(1, 3), failed(2, 4)],
    work: [work({ status: "pending", attempt: 3 })],
  });
  expect(steps.map((step) => step.kind)).toEqual(["event", "work"]);
  expect(steps[1]).toMatchObject({
    failures: [
      { attempt: 1, error: "reason 1", errorClass: "connect" },
      { attempt: 2, error: "reason 2" },
    ],
    results: [],
  });
});

test("given a failure of work that is not known here, when told, then it is an event like others", () => {
  const other = event("failed", "work.failed", 3, { payload: { work_message: { attempt: 1 }, error: "x" } });
  expect(timeline({ events: [added, other], work: [] })).toHaveLength(2);
  expect(failuresOf(work(), [failed(1, 3, "another")])).toEqual([]);
});

test("given two kinds of work for one event, when told, then each has what its own agent reported", () => {
  const published = event("published", "publish.completed", 5, { causationId: "added", source: "agent:publisher" });
  const publish = work({ id: "w2", type: "publish_link", agent: "publisher" });
  const steps = timeline({ events: [added, fetched, published], work: [work(), publish] });
  const results = steps.flatMap((step) => (step.kind === "work" ? [step.results.map((result) => result.id)] : []));
  expect(results).toEqual([["fetched"], ["published"]]);
});
