import type { LedgerReading } from "./adapters/telemetry/ledger-metrics.ts";
import { domains } from "./app.ts";
import type { Config } from "./config.ts";
import type { Logger } from "./engine/logger.ts";
import { createRegistry } from "./engine/registry.ts";
import type { Telemetry } from "./engine/telemetry.ts";
import { createLoops } from "./runtime/loops.ts";
import { combine, type Listener } from "./runtime/telemetry.ts";

/** Who listens to what this process tells of itself. Disposing sends the traces that are left. */
export interface Observability extends AsyncDisposable {
  readonly telemetry: Telemetry;
  /** Null, or which loops hang. */
  loops(): string | null;
  /** This process' metrics as text, after those of the whole installation where `ledger` can be asked. */
  metrics(ledger?: () => Promise<LedgerReading | null>): Promise<string>;
}

export interface ObservabilityOptions {
  readonly config: Config;
  readonly logger: Logger;
  /** Which of our programs this is: `start`, `router`, ... */
  readonly program: string;
  /** Whether anybody can ask this process for metrics and readiness. */
  readonly asked: boolean;
}

/** Of the drain's time, what sending the last traces may take, and never longer than this. */
const FLUSH_SHARE = 0.15;
const FLUSH_MS = 2_000;

/** Loads what is wanted and nothing else: without an address for traces and nobody who asks, telling costs nothing. */
export async function openObservability(options: ObservabilityOptions): Promise<Observability> {
  const { config, logger, program, asked } = options;
  const { otlpEndpoint: endpoint, drainTimeoutMs } = config;
  const loops = createLoops();
  const traces = endpoint
    ? (await import("./adapters/telemetry/traces.ts")).openTraces({ endpoint, program, logger })
    : null;
  const exposition = asked ? await openExposition(config, loops.stuck) : null;
  const listeners: Listener[] = [];
  if (exposition) listeners.push(exposition.listener, loops.listener);
  if (traces) listeners.push(traces.listener);
  return {
    telemetry: combine(listeners),
    loops: () => loops.stuck().join("; ") || null,
    metrics: async (ledger) => (await exposition?.text(ledger)) ?? "",
    async [Symbol.asyncDispose]() {
      await traces?.close(Math.min(FLUSH_MS, drainTimeoutMs * FLUSH_SHARE));
    },
  };
}

async function openExposition(config: Config, stuck: () => readonly string[]) {
  const [{ createProcessMetrics }, { createLedgerMetrics }] = await Promise.all([
    import("./adapters/telemetry/metrics.ts"),
    import("./adapters/telemetry/ledger-metrics.ts"),
  ]);
  const registry = createRegistry(domains(config));
  const own = createProcessMetrics({ eventTypes: registry.events.keys(), stuck });
  const whole = createLedgerMetrics([...registry.work.keys()]);
  return {
    listener: own.listener,
    async text(ledger?: () => Promise<LedgerReading | null>): Promise<string> {
      if (!ledger) return own.registry.metrics();
      whole.show(await ledger());
      return `${await whole.registry.metrics()}\n${await own.registry.metrics()}`;
    },
  };
}
