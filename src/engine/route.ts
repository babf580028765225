import type { EventDefinition, Payload, StoredEvent } from "./event.ts";
import type { WorkDefinition } from "./work.ts";

/**
 * A fact that asks for work. `key` is the meaning of the work: equal keys are the same work and are done once, ever.
 * `plan` returns the work's payload (references, not big texts), or null when this event asks for nothing.
 */
export interface Route {
  readonly on: string;
  readonly dispatch: WorkDefinition;
  readonly key: (event: StoredEvent) => string;
  readonly plan: (event: StoredEvent) => Payload | null;
}

/** Declares a route with the types of its event and its work. */
export function defineRoute<E extends Payload, W extends Payload>(route: {
  on: EventDefinition<E>;
  dispatch: WorkDefinition<W>;
  key: (event: StoredEvent<E>) => string;
  plan: (event: StoredEvent<E>) => W | null;
}): Route {
  return { ...route, on: route.on.type } as unknown as Route;
}
