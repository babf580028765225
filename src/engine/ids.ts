import { v5 } from "uuid";

/** Namespace of all ids derived here; a random UUID, fixed forever. */
const NAMESPACE = "6f1c3e0a-52b7-4c57-9d0e-3c0a5b7f2d41";

/** The same parts always give the same UUID (version 5); parts are joined so that no two lists collide. */
export function deterministicId(...parts: readonly (string | number)[]): string {
  return v5(JSON.stringify(parts), NAMESPACE);
}

/** Id of a work item: its type and the meaning of the work, as its route names it. */
export function workId(workType: string, key: string): string {
  return deterministicId("work", workType, key);
}

/** Id of an event that an attempt at a work item emits. Only failures name the attempt: a success happens once. */
export function emittedEventId(workItemId: string, eventType: string, index: number, attempt?: number): string {
  return deterministicId("event", workItemId, eventType, index, attempt ?? 0);
}
