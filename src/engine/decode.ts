import { z } from "zod";
import { DataError } from "./errors.ts";
import type { EventDefinition, Payload, StoredEvent } from "./event.ts";
import type { LogRecord } from "./log.ts";
import type { Registry } from "./registry.ts";
import type { LedgerRow } from "./store.ts";

/** An event as a record carries it. */
export interface DecodedEvent {
  readonly record: LogRecord;
  readonly event: StoredEvent;
  /** The record came without its payload: it was too big, and is read from the ledger. */
  readonly payloadInLedger: boolean;
}

const envelope = z.looseObject({
  id: z.guid(),
  occurred_at: z.string().refine((text) => !Number.isNaN(Date.parse(text)), "must be an ISO 8601 time"),
  received_at: z.string().nullish(),
  source: z.string(),
  subject: z.string(),
  subject_id: z.string().min(1),
  event_type: z.string().min(1),
  schema_version: z.number().int().default(1),
  correlation_id: z.guid().nullish(),
  causation_id: z.guid().nullish(),
  position: z.number().int().nullish(),
});

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** A record's value as JSON; throws DataError where it is not. */
export function decodeJson(record: LogRecord): unknown {
  if (!record.key || record.key.length === 0) throw new DataError("the record has no key", "missing_key");
  if (!record.value || record.value.length === 0) throw new DataError("the record has no value", "empty_value");
  let text: string;
  try {
    text = utf8.decode(record.value);
  } catch {
    throw new DataError("the value is not UTF-8 text", "wrong_encoding");
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new DataError(`the value is not JSON: ${(error as Error).message}`, "invalid_json");
  }
}

/** A record of `events.raw` as an event, its payload not yet checked; throws DataError. */
export function decodeEvent(record: LogRecord): DecodedEvent {
  const json = decodeJson(record);
  const parsed = envelope.safeParse(json);
  if (!parsed.success) throw new DataError(`the event is malformed: ${issues(parsed.error.issues)}`, "wrong_shape");
  const row = parsed.data;
  const payload = unwrap(row.payload);
  return {
    record,
    payloadInLedger: row.payload === null,
    event: {
      id: row.id,
      occurredAt: row.occurred_at,
      receivedAt: row.received_at ?? row.occurred_at,
      source: row.source,
      subject: row.subject,
      subjectId: row.subject_id,
      type: row.event_type,
      schemaVersion: row.schema_version,
      payload,
      correlationId: row.correlation_id ?? null,
      causationId: row.causation_id ?? null,
      position: row.position ?? null,
    },
  };
}

/** Older programs stored some payloads as text that holds JSON: unwrapped once. */
export function unwrap(payload: unknown): Payload {
  const value = typeof payload === "string" ? tryParse(payload) : payload;
  return value as Payload;
}

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Class of the error that an event has whose schema version this program does not know yet. */
export const TOO_NEW = "newer_version";

/** Checks a payload against its definition, after bringing an older version up to date; throws DataError. */
export function checkPayload(event: StoredEvent, definition: EventDefinition): StoredEvent {
  if (event.schemaVersion > definition.version) {
    throw new DataError(
      `${event.type} has schema version ${event.schemaVersion}, this program knows up to ${definition.version}`,
      TOO_NEW,
    );
  }
  const payload = definition.upcast ? definition.upcast(event.payload, event.schemaVersion) : event.payload;
  const result = definition.payload["~standard"].validate(payload);
  if (result instanceof Promise) throw new Error(`the schema of ${event.type} must be synchronous`);
  if (result.issues)
    throw new DataError(`the payload of ${event.type} is wrong: ${issues(result.issues)}`, "wrong_shape");
  return { ...event, payload: result.value };
}

/** The definition of an event's type; throws DataError for a type nobody registered. */
export function definitionOf(event: StoredEvent, registry: Registry): EventDefinition {
  const definition = registry.events.get(event.type);
  if (!definition) throw new DataError(`nobody registered the event type "${event.type}"`, "unknown_event_type");
  return definition;
}

/** Checks a row on its way into the ledger: a registered type, the payload it promises; throws DataError. */
export function checkRow(row: LedgerRow, registry: Registry): void {
  const event: StoredEvent = { ...row, receivedAt: row.occurredAt, position: null };
  checkPayload(event, definitionOf(event, registry));
}

interface Issue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { key: PropertyKey })[] | undefined;
}

/** Problems as a person reads them: where, then what. */
export function issues(list: readonly Issue[]): string {
  return list
    .map(({ path, message }) => {
      const where = (path ?? []).map((part) => String(typeof part === "object" ? part.key : part)).join(".");
      return where ? `${where}: ${message}` : message;
    })
    .join("; ");
}
