import type { StoredEvent } from "./event.ts";
import type { WorkStatus } from "./work.ts";
import { workFailed } from "./work-failed.ts";

/** A row of `lifestream.work`, as people read it. */
export interface WorkItem {
  readonly id: string;
  readonly type: string;
  readonly status: WorkStatus;
  /** Of its round. */
  readonly attempt: number;
  readonly round: number;
  readonly maxAttempts: number;
  readonly agent: string | null;
  readonly triggeredByEventId: string;
  readonly createdAt: string;
  readonly nextAttemptAt: string;
  /** When the latest attempt began and ended. */
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  readonly lastError: string | null;
  readonly errorClass: string | null;
}

/** All that is known of one subject. Lists are the latest ones, oldest first; `more` counts what was left out. */
export interface SubjectHistory {
  readonly subjectId: string;
  readonly state: readonly {
    readonly table: string;
    readonly rows: readonly Record<string, unknown>[];
    readonly more: number;
  }[];
  readonly events: readonly StoredEvent[];
  readonly moreEvents: number;
  readonly work: readonly WorkItem[];
  readonly moreWork: number;
  /** Events of it that wait until a parent is known. */
  readonly parked: readonly { readonly eventId: string; readonly type: string; readonly waitsFor: string }[];
}

/** An attempt that failed, as its event tells it. */
export interface FailedAttempt {
  /** Of its round. */
  readonly attempt: number;
  readonly round: number;
  readonly at: string;
  readonly error: string;
  readonly errorClass: string | null;
}

export interface EventStep {
  readonly kind: "event";
  readonly at: string;
  readonly event: StoredEvent;
  /** The event it follows from, where it is of the same subject. */
  readonly cause: StoredEvent | null;
}

export interface WorkStep {
  readonly kind: "work";
  readonly at: string;
  readonly work: WorkItem;
  readonly cause: StoredEvent | null;
  readonly failures: readonly FailedAttempt[];
  readonly results: readonly StoredEvent[];
}

export type Step = EventStep | WorkStep;

/** Events and work of a subject in the order they came to be. Failed attempts stand with their work. */
export function timeline({ events, work }: Pick<SubjectHistory, "events" | "work">): Step[] {
  const byId = new Map(events.map((event) => [event.id, event]));
  const items = new Set(work.map((item) => item.id));
  const shown = events.filter((event) => !items.has(failedWorkId(event) ?? ""));
  const steps: Step[] = [
    ...shown.map(
      (event): EventStep => ({
        kind: "event",
        at: event.receivedAt,
        event,
        cause: byId.get(event.causationId ?? "") ?? null,
      }),
    ),
    ...work.map(
      (item): WorkStep => ({
        kind: "work",
        at: item.createdAt,
        work: item,
        cause: byId.get(item.triggeredByEventId) ?? null,
        failures: failuresOf(item, events),
        results: resultsOf(item, events),
      }),
    ),
  ];
  // Microseconds are in the text: compared as text, all of them UTC and of one form.
  return steps.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
}

/** Failed attempts of a piece of work, first to last. */
export function failuresOf(work: Pick<WorkItem, "id">, events: readonly StoredEvent[]): FailedAttempt[] {
  return events
    .filter((event) => failedWorkId(event) === work.id)
    .map(({ payload, occurredAt }) => ({
      ...attemptIn(payload.work_message as { attempt?: unknown; round?: unknown }),
      at: occurredAt,
      error: String(payload.error ?? ""),
      errorClass: typeof payload.error_class === "string" ? payload.error_class : null,
    }));
}

/** What an agent reported when it did this piece of work. */
export function resultsOf(work: WorkItem, events: readonly StoredEvent[]): StoredEvent[] {
  if (work.agent === null || work.status !== "done") return [];
  return events.filter(
    (event) =>
      event.causationId === work.triggeredByEventId &&
      event.source === `agent:${work.agent}` &&
      event.type !== workFailed.type,
  );
}

function attemptIn({ attempt, round }: { attempt?: unknown; round?: unknown }) {
  return { attempt: Number(attempt ?? 0), round: Number(round ?? 1) };
}

function failedWorkId(event: StoredEvent): string | null {
  if (event.type !== workFailed.type) return null;
  const message = event.payload?.work_message;
  const id = message && typeof message === "object" && "id" in message ? message.id : null;
  return typeof id === "string" ? id : null;
}
