import { Gauge, Registry } from "prom-client";
import type { PipelineHealth } from "../../engine/health.ts";
import type { WorkStatus } from "../../engine/work.ts";

/** Connections of our programs to Postgres, by what pg_stat_activity says of them. */
export interface ConnectionCount {
  readonly application: string;
  readonly state: string;
  readonly count: number;
}

/** What only Postgres and Kafka know together. Null: Postgres did not answer. */
export interface LedgerReading {
  readonly health: PipelineHealth;
  readonly connections: readonly ConnectionCount[];
}

const STATUSES: readonly WorkStatus[] = ["pending", "queued", "running", "failed", "done", "dead", "discarded"];

/**
 * Gauges over the whole installation, whichever processes make it up. What is unknown is left out: an old number would
 * be taken for a new one. `workTypes` start at zero, so that the first dead letter is a change.
 */
export function createLedgerMetrics(workTypes: Iterable<string>): {
  readonly registry: Registry;
  show(reading: LedgerReading | null): void;
} {
  const registry = new Registry();
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[] = []) =>
    new Gauge({ name, help, labelNames, registers: [registry] });
  const postgres = gauge("stream_postgres_up", "1 when Postgres answers.");
  const kafka = gauge("stream_kafka_up", "1 when Kafka answers.");
  const events = gauge("stream_ledger_events", "Events in the ledger; an estimate where there are very many.");
  const outbox = gauge("stream_outbox_events", "Events of the ledger that are not in Kafka yet.");
  const oldest = gauge(
    "stream_outbox_oldest_age_seconds",
    "Age of the oldest event that is not in Kafka yet; 0: none.",
  );
  const lag = gauge("stream_group_lag_records", "Records a consumer group has not handled yet.", ["stage", "group"]);
  const work = gauge("stream_work_items", "Work items by their state.", ["work_type", "status"]);
  const aside = gauge("stream_set_aside_records", "Records in the ledger's table of what nobody could process.");
  const parked = gauge("stream_parked_events", "Events that wait for their parent.");
  const leases = gauge("stream_lease_taken", "1 while some process holds the lease.", ["lease"]);
  const connections = gauge("stream_postgres_connections", "Connections to Postgres.", ["application", "state"]);

  return {
    registry,
    show(reading) {
      registry.resetMetrics();
      postgres.set(reading ? 1 : 0);
      if (!reading) {
        for (const unknown of [kafka, events, outbox, oldest, aside, parked]) unknown.remove();
        return;
      }
      const { health } = reading;
      kafka.set(health.servers.kafkaProblem === null ? 1 : 0);
      events.set(health.ledger.events);
      outbox.set(health.ledger.unpublished);
      const since = health.ledger.oldestUnpublishedAt;
      oldest.set(since === null ? 0 : Math.max(0, Date.parse(health.at) - Date.parse(since)) / 1_000);
      for (const { stage, group, lag: behind } of health.stages) if (behind !== null) lag.set({ stage, group }, behind);
      for (const work_type of workTypes) for (const status of STATUSES) work.set({ work_type, status }, 0);
      for (const { type, status, count } of health.work) work.set({ work_type: type, status }, count);
      aside.set(health.deadRecords.total);
      parked.set(health.parked.total);
      for (const { name, held } of health.leases) leases.set({ lease: name }, held ? 1 : 0);
      for (const { application, state, count } of reading.connections) connections.set({ application, state }, count);
    },
  };
}
