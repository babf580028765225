import { Counter, Gauge, Histogram, type Registry } from "prom-client";

/** Upper bounds in seconds: of a transaction, of an attempt that may wait for a page or a model, of an event's way. */
const BATCH_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const ATTEMPT_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 35, 60, 120];
const EVENT_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 1_800, 7_200];

export type Instruments = ReturnType<typeof createInstruments>;

/** Everything a process counts and times; docs/observability.md explains each. */
export function createInstruments(registry: Registry) {
  const registers = [registry];
  const counter = <L extends string>(name: string, help: string, labelNames: L[]) =>
    new Counter<L>({ name, help, labelNames, registers });
  const gauge = <L extends string>(name: string, help: string, labelNames: L[]) =>
    new Gauge<L>({ name, help, labelNames, registers });
  const histogram = <L extends string>(name: string, help: string, buckets: number[], labelNames: L[]) =>
    new Histogram<L>({ name, help, buckets, labelNames, registers });
  return {
    records: counter("stream_records_handled_total", "Records or rows a stage is through with.", ["stage"]),
    batches: histogram("stream_batch_duration_seconds", "Time for one batch with its commit.", BATCH_SECONDS, [
      "stage",
    ]),
    setAside: counter("stream_records_set_aside_total", "Records nobody can process.", ["stage", "error_class"]),
    joins: counter("stream_group_joins_total", "Times a stage joined its consumer group.", ["stage"]),
    rebalances: counter("stream_group_rebalances_total", "Times partitions were assigned to a stage.", ["stage"]),
    interruptions: counter("stream_group_interruptions_total", "Times a stage's membership failed.", ["stage"]),
    reading: gauge("stream_group_reading", "1 while a stage reads its partitions.", ["stage"]),
    leases: gauge("stream_lease_held", "1 while this process holds the lease, 0 on standby.", ["lease"]),
    captured: counter("stream_events_captured_total", "Events captured through this process.", ["event_type"]),
    forwarded: counter("stream_events_forwarded_total", "Events the relay sent to Kafka.", ["event_type"]),
    materialized: counter("stream_events_materialized_total", "Events applied to state tables.", ["event_type"]),
    latency: histogram("stream_event_latency_seconds", "From the ledger to the state tables.", EVENT_SECONDS, []),
    claimed: counter("stream_work_claimed_total", "Work items the router took on.", ["work_type"]),
    dispatched: counter("stream_work_dispatched_total", "Attempts sent to the agents.", ["work_type"]),
    retries: counter("stream_work_retries_total", "Attempts sent that were not the first.", ["work_type"]),
    buried: counter("stream_work_dead_letters_total", "Work items sent to the dead letters.", ["work_type"]),
    attempts: counter("stream_attempts_total", "Attempts that ended.", ["agent", "outcome", "error_class"]),
    attemptSeconds: histogram("stream_attempt_duration_seconds", "Time for one attempt.", ATTEMPT_SECONDS, [
      "agent",
      "outcome",
    ]),
    running: gauge("stream_attempts_running", "Attempts under way.", ["agent"]),
    places: gauge("stream_attempts_limit", "Attempts under way at most, in this process.", ["agent"]),
    fetches: histogram("stream_http_fetch_duration_seconds", "Time to read a page.", ATTEMPT_SECONDS, ["outcome"]),
    modelCalls: histogram("stream_model_call_duration_seconds", "Time a model takes to answer.", ATTEMPT_SECONDS, [
      "model",
      "outcome",
    ]),
    budget: gauge("stream_model_budget_tokens", "Tokens a day that the model may cost, and how many are left.", [
      "model",
      "kind",
    ]),
    tokens: counter("stream_model_tokens_total", "Tokens the language model counted.", ["model", "kind"]),
  };
}

/** A gauge for each agent of how much longer it rests; it is told once until when. */
export function createRestGauge(registry: Registry): (agent: string, ms: number) => void {
  const until = new Map<string, number>();
  new Gauge({
    name: "stream_agent_rest_seconds",
    help: "How much longer an agent does nothing, as nothing of it could work.",
    labelNames: ["agent"],
    registers: [registry],
    collect() {
      for (const [agent, end] of until) this.set({ agent }, Math.max(0, (end - performance.now()) / 1_000));
    },
  });
  return (agent, ms) => void until.set(agent, performance.now() + ms);
}
