import { deterministicId } from "../../engine/ids.ts";

/*
 * Ids that every process derives alike, so that nothing has to be carried from one to the next. A trace is a chain: its
 * id is the correlation id, 128 bits both. A span that others hang on has its id from what it is about. See
 * docs/decisions/0014-telemetry.md.
 */

/** The trace of a chain, from the id of its first event. */
export function traceIdOf(correlationId: string): string {
  return hex(correlationId);
}

/** The span of an event: the second half of its id, as the first of a UUIDv7 is little more than the time. */
export function eventSpanId(eventId: string): string {
  return hex(eventId).slice(16);
}

/** The span that routes an event, parent of what is dispatched for it. */
export function routeSpanId(eventId: string): string {
  return eventSpanId(deterministicId("route", eventId));
}

/** The span that dispatches an attempt, its parent. */
export function dispatchSpanId(workId: string, attempt: number): string {
  return eventSpanId(deterministicId("dispatch", workId, attempt));
}

const hex = (uuid: string) => uuid.replaceAll("-", "").toLowerCase();
