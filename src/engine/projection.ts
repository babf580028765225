import type { EventDefinition, Payload, StoredEvent } from "./event.ts";
import type { Sql } from "./store.ts";

/** An event that cannot be applied before its parent is there; it is kept and offered again when the parent comes. */
export interface Parked {
  readonly event: StoredEvent;
  /** The subject id whose events it waits for. */
  readonly waitsFor: string;
}

/**
 * Applies a batch of events of one type (ledger order, many subjects) inside the transaction that also moves the
 * consumer's position. Must be safe to replay: the same events again, in order, end in the same rows. Writes set-based
 * SQL; where an older event must not undo a newer one it compares `position`.
 */
export type ProjectionHandler<P extends Payload = Payload, Tx = Sql> = (
  events: readonly StoredEvent<P>[],
  tx: Tx,
) => Promise<readonly Parked[] | undefined>;

export interface ProjectionEntry<Tx = Sql> {
  readonly type: string;
  readonly handler: ProjectionHandler<Payload, Tx>;
}

/** State tables kept from events. `tables` are all that its handlers write, in schema `lifestream`. */
export interface Projection<Tx = Sql> {
  readonly name: string;
  readonly tables: readonly string[];
  /** The kinds of subject whose rows of `lifestream.subjects` its handlers write as well. */
  readonly subjects?: readonly string[];
  /** By table, columns that no event gives, as another stage keeps its notes there. */
  readonly notFolded?: Readonly<Record<string, readonly string[]>>;
  readonly handlers: readonly ProjectionEntry<Tx>[];
  /**
   * Brings up to date what follows from all that handlers wrote, once for a batch however many of a subject's events are in
   * it. Given the subject ids of what was applied; depends on rows alone, so that it ends the same wherever batches end.
   */
  readonly settle?: (subjectIds: readonly string[], tx: Tx) => Promise<void>;
}

/** Ties a handler to an event definition, so that the handler sees the payload's type. */
export function on<P extends Payload, Tx = Sql>(
  event: EventDefinition<P>,
  handler: ProjectionHandler<P, Tx>,
): ProjectionEntry<Tx> {
  return { type: event.type, handler: handler as unknown as ProjectionHandler<Payload, Tx> };
}
