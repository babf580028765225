import { expect, test } from "bun:test";
import { HEALTH } from "../../api/testing.ts";
import type { StoredEvent } from "../../engine/event.ts";
import type { OutboxRow } from "../../engine/store.ts";
import type { Telemetry } from "../../engine/telemetry.ts";
import type { Work } from "../../engine/work.ts";
import { combine } from "../../runtime/telemetry.ts";
import { createLedgerMetrics } from "./ledger-metrics.ts";
import { createProcessMetrics } from "./metrics.ts";

function measured(tell: (telemetry: Telemetry) => void) {
  const { registry, listener } = createProcessMetrics({ eventTypes: ["link.added"], stuck: () => [] });
  tell(combine([listener]));
  return registry.metrics();
}

const row = (type: string) => ({ headers: { event_type: type } }) as unknown as OutboxRow;
const work = (attempt: number) => ({ id: "w", type: "fetch_link", attempt }) as unknown as Work;

test("given event types of strangers, when they flow, then they are one series", async () => {
  const text = await measured((tell) => tell.forwarded([row("link.added"), row("odd.1"), row("odd.2")], 0.1));
  expect(text).toContain('stream_events_forwarded_total{event_type="link.added"} 1');
  expect(text).toContain('stream_events_forwarded_total{event_type="other"} 2');
  expect(text).not.toContain("odd");
});

test("given any number of error classes, when they are told, then the series stay few", async () => {
  const text = await measured((tell) => {
    for (let n = 0; n < 500; n += 1) tell.setAside("router", [`class_${n}`]);
  });
  expect([...text.matchAll(/^stream_records_set_aside_total\{/gm)]).toHaveLength(61);
  expect(text).toContain('stream_records_set_aside_total{stage="router",error_class="other"} 440');
});

test("given attempts, when they are sent and end, then retries, outcomes and times are told apart", async () => {
  const text = await measured((tell) => {
    tell.dispatched([work(1), work(2), work(3)], 0.01);
    const end = { agent: "fetcher", seconds: 0.3, events: [] };
    tell.attempted(work(1), { ...end, outcome: "failed", errorClass: "http_5xx" });
    tell.attempted(work(2), { ...end, outcome: "done", errorClass: null });
    tell.resting("enricher", 60_000);
  });
  expect(text).toContain('stream_work_dispatched_total{work_type="fetch_link"} 3');
  expect(text).toContain('stream_work_retries_total{work_type="fetch_link"} 2');
  expect(text).toContain('stream_attempts_total{agent="fetcher",outcome="failed",error_class="http_5xx"} 1');
  expect(text).toContain('stream_attempts_total{agent="fetcher",outcome="done",error_class=""} 1');
  expect(text).toContain('stream_attempt_duration_seconds_bucket{le="0.5",agent="fetcher",outcome="done"} 1');
  expect(text).toMatch(/stream_agent_rest_seconds\{agent="enricher"\} (59\.\d+|60)/);
});

test("given an event of two minutes ago, when it is materialized, then its way took as long; clocks never go back", async () => {
  const at = (secondsAgo: number) =>
    ({ type: "link.added", receivedAt: new Date(Date.now() - secondsAgo * 1_000).toISOString() }) as StoredEvent;
  const text = await measured((tell) => tell.materialized([at(120), at(-30)], 0.1));
  expect(text).toContain('stream_event_latency_seconds_bucket{le="0.05"} 1');
  expect(text).toContain('stream_event_latency_seconds_bucket{le="60"} 1');
  expect(text).toContain('stream_event_latency_seconds_bucket{le="300"} 2');
});

test("given what is unknown, when shown, then it is left out and not given an old number", async () => {
  const { registry, show } = createLedgerMetrics(["fetch_link"]);
  show({ health: { ...HEALTH, ledger: { ...HEALTH.ledger, unpublished: 7 } }, connections: [] });
  const known = await registry.metrics();
  expect(known).toContain("stream_outbox_events 7");
  expect(known).toContain('stream_group_lag_records{stage="router",group="router-v1"} 0');
  expect(known).toContain('stream_work_items{work_type="fetch_link",status="dead"} 0');
  show(null);
  const unknown = await registry.metrics();
  expect(unknown.split("\n").filter((line) => line && !line.startsWith("#"))).toEqual(["stream_postgres_up 0"]);
  show({ health: { ...HEALTH, stages: HEALTH.stages.map((stage) => ({ ...stage, lag: null })) }, connections: [] });
  expect(await registry.metrics()).not.toContain("stream_group_lag_records{");
});
