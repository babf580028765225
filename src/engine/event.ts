import type { StandardSchemaV1 } from "@standard-schema/spec";

/** What an event says, in its stored form (the contract's snake_case keys). */
export type Payload = Record<string, unknown>;

/**
 * A kind of fact. `payload` validates what the type promises; keys it does not know are kept.
 * `upcast` turns a payload of an older `schema_version` into today's.
 */
export interface EventDefinition<P extends Payload = Payload> {
  readonly type: string;
  /** The kind of thing it is about: `link`, `todo`, `sensor`, ... */
  readonly subject: string;
  readonly version: number;
  readonly payload: StandardSchemaV1<unknown, P>;
  readonly upcast?: (payload: Payload, fromVersion: number) => Payload;
  /**
   * What capturing this says beyond the event itself, given the subject's earlier events in order (the event among them
   * where the ledger had it already). Null, or without this: nothing.
   */
  readonly captured?: (event: NewEvent, earlier: readonly StoredEvent[]) => NewEvent | null;
}

/** The payload's type of a definition. */
export type PayloadOf<D> = D extends EventDefinition<infer P> ? P : never;

/** Declares an event type; the payload's type follows from the schema. */
export function defineEvent<P extends Payload>(definition: EventDefinition<P>): EventDefinition<P> {
  return definition;
}

/** A row of the ledger. Times are ISO 8601 UTC text, so that no precision is lost between Postgres and Kafka. */
export interface StoredEvent<P extends Payload = Payload> {
  readonly id: string;
  readonly occurredAt: string;
  readonly receivedAt: string;
  readonly source: string;
  readonly subject: string;
  readonly subjectId: string;
  readonly type: string;
  readonly schemaVersion: number;
  readonly payload: P;
  /** The first event of the chain this one belongs to; null: it starts a chain. */
  readonly correlationId: string | null;
  /** The event that directly led to this one. */
  readonly causationId: string | null;
  /** Order in the ledger; null for a record the ledger does not know. */
  readonly position: number | null;
  /** Of an event that was parked for its own subject: the position of what it waited for, right behind which it takes effect. */
  readonly freedAt?: number;
}

/** An event as capture and agents make it; what is left out is filled in when it is appended. */
export interface NewEvent<P extends Payload = Payload> {
  readonly id?: string;
  readonly type: string;
  readonly subject: string;
  readonly subjectId: string;
  readonly payload: P;
  readonly occurredAt?: string;
  readonly source?: string;
  readonly correlationId?: string | null;
  readonly causationId?: string | null;
  readonly schemaVersion?: number;
}

/** The chain an event belongs to: its correlation id, or itself when it starts one. */
export function correlationOf(event: StoredEvent): string {
  return event.correlationId ?? event.id;
}
