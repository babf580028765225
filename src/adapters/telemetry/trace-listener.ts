import { AsyncLocalStorage } from "node:async_hooks";
import type { Attributes } from "@opentelemetry/api";
import { correlationOf, type StoredEvent } from "../../engine/event.ts";
import type { LedgerRow, OutboxRow } from "../../engine/store.ts";
import type { Telemetry } from "../../engine/telemetry.ts";
import type { Work } from "../../engine/work.ts";
import { dispatchSpanId, eventSpanId, routeSpanId, traceIdOf } from "./span-ids.ts";
import type { EndedSpan, SpanEvent } from "./spans.ts";

/** An event older than this that flows is a replay: its story was told. */
const FRESH_MS = 3_600_000;

/** What of an event's record a span is made of. */
interface Forwarded {
  readonly id: string;
  readonly subject_id: string;
  readonly event_type: string;
  readonly received_at: string;
  readonly correlation_id: string | null;
  readonly causation_id: string | null;
}

/** Makes a span of each hop of each record. */
export function createTraceListener(record: (span: EndedSpan) => void): Partial<Telemetry> {
  return {
    captured(rows, seconds) {
      for (const row of rows) record({ ...capture(row), seconds });
    },
    forwarded(rows) {
      for (const row of rows) {
        const span = forward(row);
        if (span) record(span);
      }
    },
    routed(events, _, seconds) {
      for (const event of events.filter(isFresh)) {
        record({ ...handle("route", event), spanId: routeSpanId(event.id), seconds });
      }
    },
    materialized(events, seconds) {
      for (const event of events.filter(isFresh)) record({ ...handle("materialize", event), seconds });
    },
    dispatched(work, seconds) {
      for (const item of work) {
        record({ ...send("dispatch", item), spanId: dispatchSpanId(item.id, item.attempt), seconds });
      }
    },
    buried(work, seconds) {
      for (const item of work) record({ ...send("bury", item), seconds });
    },
    ...attemptListener(record),
  };
}

/** What is told while an attempt runs belongs to its span, however deep in the agent it is told. */
function attemptListener(record: (span: EndedSpan) => void): Partial<Telemetry> {
  const current = new AsyncLocalStorage<SpanEvent[]>();
  const underWay = new Map<string, SpanEvent[]>();
  const note = (name: string, attributes: Attributes) => current.getStore()?.push({ name, at: Date.now(), attributes });
  return {
    during(work, run) {
      const events: SpanEvent[] = [];
      underWay.set(work.id, events);
      return current.run(events, run);
    },
    fetched: (outcome, seconds) => void note("http.fetch", { outcome, seconds }),
    modelCalled: ({ model, outcome, seconds, ...spent }) =>
      void note("model.call", {
        model,
        outcome,
        seconds,
        prompt_tokens: spent.promptTokens,
        completion_tokens: spent.completionTokens,
      }),
    attempted(work, { agent, outcome, errorClass, seconds, events: brought }) {
      const events = underWay.get(work.id) ?? [];
      underWay.delete(work.id);
      record({
        name: `attempt ${agent}`,
        kind: "consumer",
        traceId: traceIdOf(work.correlationId),
        parentId: dispatchSpanId(work.id, work.attempt),
        attributes: { ...aboutWork(work), "stream.agent": agent, "stream.outcome": outcome },
        led: brought.map(eventSpanId),
        seconds,
        events,
        errorClass,
      });
    },
  };
}

type Unfinished = Omit<EndedSpan, "seconds">;

function capture(row: LedgerRow): Unfinished {
  return {
    name: `capture ${row.type}`,
    kind: "internal",
    traceId: traceIdOf(row.correlationId ?? row.id),
    parentId: eventSpanId(row.id),
    attributes: aboutEvent(row.id, row.type, row.subjectId),
  };
}

/** The span that all others of the event hang on: from its entry into the ledger until it is in Kafka. */
function forward(row: OutboxRow): EndedSpan | null {
  const event = JSON.parse(row.value) as Forwarded;
  const age = Date.now() - Date.parse(event.received_at);
  if (age > FRESH_MS) return null;
  const caused = event.correlation_id !== null && event.causation_id !== null;
  return {
    name: `forward ${event.event_type}`,
    kind: "producer",
    traceId: traceIdOf(event.correlation_id ?? event.id),
    spanId: eventSpanId(event.id),
    parentId: caused ? eventSpanId(event.causation_id ?? "") : null,
    seconds: Math.max(0, age) / 1_000,
    attributes: aboutEvent(event.id, event.event_type, event.subject_id),
  };
}

function handle(hop: string, event: StoredEvent): Unfinished {
  return {
    name: `${hop} ${event.type}`,
    kind: "consumer",
    traceId: traceIdOf(correlationOf(event)),
    parentId: eventSpanId(event.id),
    attributes: aboutEvent(event.id, event.type, event.subjectId),
  };
}

function send(hop: string, work: Work): Unfinished {
  return {
    name: `${hop} ${work.type}`,
    kind: "producer",
    traceId: traceIdOf(work.correlationId),
    parentId: routeSpanId(work.triggeredByEventId),
    attributes: aboutWork(work),
  };
}

const isFresh = (event: StoredEvent) => Date.now() - Date.parse(event.receivedAt) <= FRESH_MS;

/** Ids and kinds only: addresses, titles and error messages stay in the house. */
function aboutEvent(id: string, type: string, subjectId: string): Attributes {
  return { "stream.event_id": id, "stream.event_type": type, "stream.subject_id": subjectId };
}

function aboutWork(work: Work): Attributes {
  return {
    "stream.work_id": work.id,
    "stream.work_type": work.type,
    "stream.attempt": work.attempt,
    "stream.subject_id": work.subjectId,
  };
}
