import {
  type Attributes,
  type Context,
  type Link,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from "@opentelemetry/api";
import { type IdGenerator, RandomIdGenerator, type TracerProvider } from "@opentelemetry/sdk-trace";

/** Something that happened within a span, at a time in milliseconds since the epoch. */
export interface SpanEvent {
  readonly name: string;
  readonly at: number;
  readonly attributes: Attributes;
}

/** A span that just ended. */
export interface EndedSpan {
  readonly name: string;
  readonly kind: "producer" | "consumer" | "internal";
  readonly traceId: string;
  /** Absent: nobody hangs on it, and chance gives it one. */
  readonly spanId?: string;
  /** Null: the root of its trace. */
  readonly parentId: string | null;
  readonly seconds: number;
  readonly attributes: Attributes;
  /** Ids of spans of the same trace that came of this one. */
  readonly led?: readonly string[];
  readonly events?: readonly SpanEvent[];
  readonly errorClass?: string | null;
}

const KINDS = { producer: SpanKind.PRODUCER, consumer: SpanKind.CONSUMER, internal: SpanKind.INTERNAL };

/** Gives out the ids it was told just before; OpenTelemetry asks for them while a span starts, and never later. */
export class ChosenIds implements IdGenerator {
  readonly #random = new RandomIdGenerator();
  traceId = "";
  spanId: string | undefined;

  generateTraceId(): string {
    return this.traceId;
  }

  generateSpanId(): string {
    return this.spanId ?? this.#random.generateSpanId();
  }
}

/** Hands a finished span to the provider. */
export function createRecorder(provider: TracerProvider, ids: ChosenIds): (span: EndedSpan) => void {
  const tracer = provider.getTracer("stream-agents");
  return ({ traceId, spanId, parentId, ...span }) => {
    const end = Date.now();
    ids.traceId = traceId;
    ids.spanId = spanId;
    const started = tracer.startSpan(
      span.name,
      {
        kind: KINDS[span.kind],
        startTime: end - span.seconds * 1_000,
        attributes: span.attributes,
        links: (span.led ?? []).map((id): Link => ({ context: contextOf(traceId, id) })),
      },
      parentId === null ? ROOT_CONTEXT : under(traceId, parentId),
    );
    for (const { name, attributes, at } of span.events ?? []) started.addEvent(name, attributes, at);
    if (span.errorClass) {
      started.setAttribute("error.type", span.errorClass).setStatus({ code: SpanStatusCode.ERROR });
    }
    started.end(end);
  };
}

function under(traceId: string, spanId: string): Context {
  return trace.setSpanContext(ROOT_CONTEXT, { ...contextOf(traceId, spanId), isRemote: true });
}

function contextOf(traceId: string, spanId: string) {
  return { traceId, spanId, traceFlags: TraceFlags.SAMPLED };
}
