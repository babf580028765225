import { correlationOf, type StoredEvent } from "../engine/event.ts";
import { workId } from "../engine/ids.ts";
import type { FailureVerdict } from "../engine/ports.ts";
import type { Registry } from "../engine/registry.ts";
import { type Backoff, fullJitter } from "../engine/retry.ts";
import { secondsSince, type Telemetry } from "../engine/telemetry.ts";
import { EVENTS_TOPIC } from "../engine/topics.ts";
import { MAX_ATTEMPTS, type NewWork } from "../engine/work.ts";
import { workFailed } from "../engine/work-failed.ts";
import type { RecordHandler } from "../runtime/consume.ts";
import { decodeBatch } from "./decode-batch.ts";

/** Its consumer group. */
export const ROUTER_GROUP = "router-v1";

export interface RouterOptions {
  readonly registry: Registry;
  readonly backoff: Backoff;
  readonly random: () => number;
  readonly telemetry: Telemetry;
}

/**
 * `events.raw` -> the registry of work. Claims what facts ask for (once per meaning, ever), and answers failures with
 * another attempt or the dead letters. The dispatcher does the sending. What is no valid event is the materializer's
 * to set aside; here it asks for nothing.
 */
export function createRouter(options: RouterOptions): RecordHandler {
  const { registry, telemetry } = options;
  const wanted = (type: string) => registry.routes.has(type) || type === workFailed.type;
  return {
    stage: "router",
    group: ROUTER_GROUP,
    topics: [EVENTS_TOPIC],
    maxBatch: 1_000,
    async handle(batch, tx, done) {
      const startedAt = performance.now();
      const { events, watermark } = await decodeBatch(batch.records, { tx, done, registry, wanted });
      const asked = planWork(events, registry);
      const claimed = new Set(await tx.work.claim(asked));
      await tx.work.settle(
        events.filter((event) => event.type === workFailed.type).flatMap((event) => verdict(event, options)),
      );
      const isNew = asked.filter((work) => claimed.has(work.id));
      return { watermark, afterCommit: () => telemetry.routed(events, isNew, secondsSince(startedAt)) };
    },
  };
}

/** The work that these events ask for, each meaning once. */
export function planWork(events: readonly StoredEvent[], registry: Registry): NewWork[] {
  const work = new Map<string, NewWork>();
  for (const event of events) {
    for (const route of registry.routes.get(event.type) ?? []) {
      const payload = route.plan(event);
      if (payload === null) continue;
      const id = workId(route.dispatch.type, route.key(event));
      if (work.has(id)) continue;
      work.set(id, {
        id,
        type: route.dispatch.type,
        subject: event.subject,
        subjectId: event.subjectId,
        correlationId: correlationOf(event),
        triggeredByEventId: event.id,
        maxAttempts: MAX_ATTEMPTS,
        payload,
      });
    }
  }
  return [...work.values()];
}

/** What follows from a failed attempt: another one after a jittered pause, or none. */
export function verdict(
  event: StoredEvent,
  { backoff, random }: Pick<RouterOptions, "backoff" | "random">,
): FailureVerdict[] {
  const {
    work_message: message,
    error,
    error_class,
    retryable,
    retry_after_ms,
  } = event.payload as unknown as FailedPayload;
  if (!message.id) return [];
  const again = retryable !== false && message.attempt < (message.max_attempts ?? MAX_ATTEMPTS);
  const pause = Math.max(retry_after_ms ?? 0, fullJitter(message.attempt, backoff, random));
  return [
    {
      id: message.id,
      attempt: message.attempt,
      error,
      errorClass: error_class ?? "unexpected",
      retryInMs: again ? Math.round(pause) : null,
    },
  ];
}

interface FailedPayload {
  work_message: { id?: string; attempt: number; max_attempts?: number };
  error: string;
  error_class?: string;
  retryable?: boolean;
  retry_after_ms?: number;
}
