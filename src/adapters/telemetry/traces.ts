import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, type SpanExporter, TracerProvider } from "@opentelemetry/sdk-trace";
import { messageOf } from "../../engine/errors.ts";
import type { Logger } from "../../engine/logger.ts";
import { within } from "../../engine/patience.ts";
import type { Telemetry } from "../../engine/telemetry.ts";
import { ChosenIds, createRecorder } from "./spans.ts";
import { createTraceListener } from "./trace-listener.ts";

/** Spans that wait to be sent; what comes beyond them is dropped. */
const QUEUE = 8_192;
const SEND_EVERY_MS = 2_000;
const SEND_TIMEOUT_MS = 5_000;
const COMPLAIN_EVERY_MS = 60_000;

export interface Traces {
  readonly listener: Partial<Telemetry>;
  /** Sends what is left, for at most so many milliseconds. */
  close(withinMs: number): Promise<void>;
}

export interface TraceOptions {
  /** Where OTLP over HTTP is spoken, without `/v1/traces`. */
  readonly endpoint: string;
  /** Which of our programs this is: `start`, `router`, ... */
  readonly program: string;
  readonly logger: Logger;
}

/**
 * Sends spans to a collector. Nothing waits for it: with the collector away or slow, spans are dropped.
 * This file is loaded only where traces are wanted; the library costs a start about 80 ms.
 */
export function openTraces({ endpoint, program, logger }: TraceOptions): Traces {
  const url = `${endpoint.replace(/\/+$/, "")}/v1/traces`;
  const exporter = complaining(new OTLPTraceExporter({ url, timeoutMillis: SEND_TIMEOUT_MS }), logger);
  const ids = new ChosenIds();
  const provider = new TracerProvider({
    idGenerator: ids,
    resource: resourceFromAttributes({ "service.name": "stream-agents", "stream.program": program }),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter,
        maxQueueSize: QUEUE,
        scheduledDelayMillis: SEND_EVERY_MS,
        exportTimeoutMillis: 2 * SEND_TIMEOUT_MS,
      }),
    ],
  });
  return {
    listener: createTraceListener(createRecorder(provider, ids)),
    close: (withinMs) =>
      within(
        withinMs,
        provider.shutdown().catch(() => {}),
        () => {},
      ),
  };
}

/** The same exporter, saying in the log when it fails: once a minute at most, as it may fail every two seconds. */
function complaining(exporter: SpanExporter, logger: Logger): SpanExporter {
  let quietUntil = 0;
  return {
    shutdown: () => exporter.shutdown(),
    forceFlush: async () => exporter.forceFlush?.(),
    export(spans, done) {
      exporter.export(spans, (result) => {
        if (result.error && performance.now() >= quietUntil) {
          quietUntil = performance.now() + COMPLAIN_EVERY_MS;
          logger.warn(`traces are dropped, the collector does not take them: ${messageOf(result.error)}`);
        }
        done(result);
      });
    },
  };
}
