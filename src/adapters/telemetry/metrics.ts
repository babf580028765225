import { type Counter, Gauge, Registry } from "prom-client";
import type { StoredEvent } from "../../engine/event.ts";
import type { Telemetry } from "../../engine/telemetry.ts";
import { createInstruments, createRestGauge, type Instruments } from "./instruments.ts";
import { atMost, countBy, oneOf } from "./labels.ts";
import { registerProcessMetrics } from "./process-metrics.ts";

/** Error classes are short and few, but an agent may make up its own. */
const ERROR_CLASSES = 60;
const MODELS = 8;

export interface ProcessMetrics {
  readonly registry: Registry;
  readonly listener: Partial<Telemetry>;
}

/** Counts and times what this process does. `eventTypes`: the only ones that become a label; others are `other`. */
export function createProcessMetrics(options: {
  readonly eventTypes: Iterable<string>;
  /** Loops that hang. */
  readonly stuck: () => readonly string[];
}): ProcessMetrics {
  const registry = new Registry();
  const instruments = createInstruments(registry);
  const errorClass = atMost(ERROR_CLASSES);
  registerProcessMetrics(registry);
  new Gauge({
    name: "stream_loops_stuck",
    help: "Loops of this process that hang.",
    registers: [registry],
    collect() {
      this.set(options.stuck().length);
    },
  });
  return {
    registry,
    listener: {
      ...loopListener(instruments, errorClass),
      ...flowListener(instruments, oneOf(options.eventTypes)),
      ...agentListener(instruments, errorClass),
      resting: createRestGauge(registry),
    },
  };
}

type Label = (name: string) => string;

function loopListener(to: Instruments, errorClass: Label): Partial<Telemetry> {
  return {
    batch(stage, records, seconds) {
      to.records.inc({ stage }, records);
      to.batches.observe({ stage }, seconds);
    },
    setAside(stage, classes) {
      for (const [error_class, n] of countBy(classes, errorClass)) to.setAside.inc({ stage, error_class }, n);
    },
    membership(stage, change) {
      if (change === "joining") to.joins.inc({ stage });
      if (change === "assigned") to.rebalances.inc({ stage });
      if (change === "interrupted") to.interruptions.inc({ stage });
      to.reading.set({ stage }, change === "reading" ? 1 : 0);
    },
    lease: (lease, held) => to.leases.set({ lease }, held ? 1 : 0),
  };
}

function flowListener(to: Instruments, eventType: Label): Partial<Telemetry> {
  const byType = <T>(counter: Counter<"event_type">, items: readonly T[], typeOf: (item: T) => string) => {
    for (const [event_type, n] of countBy(items, (item) => eventType(typeOf(item)))) counter.inc({ event_type }, n);
  };
  const byWorkType = (counter: Counter<"work_type">, work: readonly { readonly type: string }[]) => {
    for (const [work_type, n] of countBy(work, (item) => item.type)) counter.inc({ work_type }, n);
  };
  const isRetry = (work: { readonly attempt: number }) => work.attempt > 1;
  return {
    captured: (rows) => byType(to.captured, rows, (row) => row.type),
    forwarded: (rows) => byType(to.forwarded, rows, (row) => row.headers.event_type ?? ""),
    materialized(events) {
      byType(to.materialized, events, (event) => event.type);
      for (const seconds of agesOf(events)) to.latency.observe(seconds);
    },
    routed: (_, work) => byWorkType(to.claimed, work),
    dispatched(work) {
      byWorkType(to.dispatched, work);
      byWorkType(to.retries, work.filter(isRetry));
    },
    buried: (work) => byWorkType(to.buried, work),
  };
}

function agentListener(to: Instruments, errorClass: Label): Partial<Telemetry> {
  const modelName = atMost(MODELS);
  return {
    working(agent, running, concurrency) {
      to.running.set({ agent }, running);
      to.places.set({ agent }, concurrency);
    },
    attempted(_, { agent, outcome, seconds, ...end }) {
      to.attempts.inc({ agent, outcome, error_class: end.errorClass === null ? "" : errorClass(end.errorClass) });
      to.attemptSeconds.observe({ agent, outcome }, seconds);
    },
    fetched: (outcome, seconds) => to.fetches.observe({ outcome: errorClass(outcome) }, seconds),
    modelCalled({ outcome, seconds, ...call }) {
      const model = modelName(call.model);
      to.modelCalls.observe({ model, outcome: errorClass(outcome) }, seconds);
      to.tokens.inc({ model, kind: "prompt" }, call.promptTokens);
      to.tokens.inc({ model, kind: "completion" }, call.completionTokens);
      if (!call.budget) return;
      to.budget.set({ model, kind: "limit" }, call.budget.perDay);
      to.budget.set({ model, kind: "left" }, call.budget.left);
    },
  };
}

/** Seconds since each event came into the ledger; never negative, as clocks of machines differ a little. */
function agesOf(events: readonly StoredEvent[]): number[] {
  const now = Date.now();
  return events.map((event) => Math.max(0, now - Date.parse(event.receivedAt)) / 1_000);
}
