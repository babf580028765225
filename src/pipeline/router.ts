import { TOO_NEW } from "../engine/decode.ts";
import { DataError, errorClassOf } from "../engine/errors.ts";
import { correlationOf, type Payload, type StoredEvent } from "../engine/event.ts";
import { workRequested } from "../engine/failure-acts.ts";
import { workId } from "../engine/ids.ts";
import type { Registry } from "../engine/registry.ts";
import { type Backoff, fullJitter } from "../engine/retry.ts";
import type { FailureVerdict } from "../engine/store.ts";
import { secondsSince, type Telemetry } from "../engine/telemetry.ts";
import { EVENTS_TOPIC } from "../engine/topics.ts";
import { MAX_ATTEMPTS, type NewWork } from "../engine/work.ts";
import { workFailed } from "../engine/work-failed.ts";
import { deadRecord, type RecordHandler } from "../runtime/consume.ts";
import { type BadRecord, bytesWithPayload, decodeBatch } from "./decode-batch.ts";
import { applyWorkActs, ROUTED_ACTS, redrivenEvents } from "./failure-desk-apply.ts";

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
 * another attempt or the dead letters, and carries out what people decide about those. The dispatcher does the sending.
 * What is no valid event is the materializer's to set aside; but an event that is too new here may be none there, so that
 * one waits for a later router.
 */
export function createRouter(options: RouterOptions): RecordHandler {
  const { registry, telemetry } = options;
  const wanted = (type: string) => registry.routes.has(type) || type === workFailed.type || ROUTED_ACTS.has(type);
  return {
    stage: "router",
    group: ROUTER_GROUP,
    topics: [EVENTS_TOPIC],
    maxBatch: 1_000,
    bytesOf: bytesWithPayload,
    async handle(batch, tx, done) {
      const startedAt = performance.now();
      const { events: read, bad, watermark } = await decodeBatch(batch.records, { tx, done, registry, wanted });
      const newer = bad.filter(isTooNew);
      if (newer.length > 0) {
        const records = newer.map(({ record, error }) => deadRecord("router", batch.topicId, record, error));
        await tx.deadLetters.putUnrouted(records);
      }
      const events = [...read, ...(await redrivenEvents(read, registry, tx))];
      const asked = planWork(events, registry);
      const claimed = new Set(await tx.work.claim(asked));
      await tx.work.settle(
        events.filter((event) => event.type === workFailed.type).flatMap((event) => verdict(event, options)),
      );
      await applyWorkActs(events, tx);
      const isNew = asked.filter((work) => claimed.has(work.id));
      const afterCommit = () => {
        telemetry.setAside(
          "router",
          newer.map(({ error }) => errorClassOf(error)),
        );
        telemetry.routed(read, isNew, secondsSince(startedAt));
      };
      return { watermark, afterCommit };
    },
  };
}

const isTooNew = ({ error }: BadRecord) => errorClassOf(error) === TOO_NEW;

/** The work that these events ask for, each meaning once. */
export function planWork(events: readonly StoredEvent[], registry: Registry): NewWork[] {
  const work = new Map<string, NewWork>();
  for (const event of events) {
    for (const { type, key, payload } of wantedBy(event, registry)) {
      const id = workId(type, key);
      if (work.has(id)) continue;
      work.set(id, {
        id,
        type,
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

interface WantedWork {
  readonly type: string;
  /** Its meaning: equal keys are the same work. */
  readonly key: string;
  readonly payload: Payload;
}

function wantedBy(event: StoredEvent, registry: Registry): WantedWork[] {
  if (event.type === workRequested.type) return [requested(event, registry)];
  return (registry.routes.get(event.type) ?? []).flatMap((route) => {
    const payload = route.plan(event);
    return payload === null ? [] : [{ type: route.dispatch.type, key: route.key(event), payload }];
  });
}

/** Work that a person asks for by name. */
function requested({ id, payload }: StoredEvent, registry: Registry): WantedWork {
  const { work_type: type, payload: wanted } = payload as { work_type: string; payload: Payload };
  if (!registry.work.has(type)) throw new DataError(`there is no work "${type}"`, "unknown_work_type");
  return { type, key: id, payload: wanted };
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
      // As the registry counts: over all rounds.
      attempt: message.attempt + (message.attempts_before ?? 0),
      error,
      errorClass: error_class ?? "unexpected",
      retryInMs: again ? Math.round(pause) : null,
    },
  ];
}

interface FailedPayload {
  work_message: { id?: string; attempt: number; attempts_before?: number; max_attempts?: number };
  error: string;
  error_class?: string;
  retryable?: boolean;
  retry_after_ms?: number;
}
