import { z } from "zod";
import { checkPayload, issues } from "../engine/decode.ts";
import { DataError } from "../engine/errors.ts";
import type { NewEvent } from "../engine/event.ts";
import { PIPELINE_EVENTS, type Registry } from "../engine/registry.ts";
import { parseJson } from "./body.ts";
import { Problem, type ProblemPart } from "./problems.ts";

const shape = z.strictObject({
  event_type: z.string(),
  subject: z.string().optional(),
  subject_id: z.string().min(1).max(512),
  payload: z.record(z.string(), z.unknown()),
  occurred_at: z.iso.datetime({ offset: true }).optional(),
  source: z.string().min(1).max(200).optional(),
  id: z.guid().optional(),
});

/** Most problems that are listed of one request. */
const LISTED = 20;

/** The events of a body. Every wrong one is named; then none is taken. */
export function parseEvents(text: string, { ndjson, registry }: { ndjson: boolean; registry: Registry }): NewEvent[] {
  const items = ndjson ? parseLines(text) : parseOneOrMany(text);
  if (items.length === 0) throw new Problem(422, "There is no event in the body.");
  const problems: ProblemPart[] = [];
  const events = items.flatMap(({ line, value }) => {
    try {
      return [toEvent(value, registry)];
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      problems.push({ line, detail: error.message });
      return [];
    }
  });
  refuse(problems, items.length, ndjson);
  return events;
}

function refuse(problems: readonly ProblemPart[], total: number, ndjson: boolean): void {
  const [first] = problems;
  if (!first) return;
  const where = total === 1 ? "" : `${ndjson ? "Line" : "Event"} ${first.line}: `;
  const rest = problems.length > 1 ? ` (and ${problems.length - 1} more)` : "";
  throw new Problem(422, `${where}${first.detail}${rest}. Nothing was taken.`, { errors: problems.slice(0, LISTED) });
}

interface Item {
  readonly line: number;
  readonly value: unknown;
}

function parseOneOrMany(text: string): Item[] {
  const json = parseJson(text);
  return (Array.isArray(json) ? json : [json]).map((value, index) => ({ line: index + 1, value }));
}

function parseLines(text: string): Item[] {
  return text
    .split("\n")
    .map((content, index) => ({ content: content.trim(), line: index + 1 }))
    .filter(({ content }) => content !== "")
    .map(({ content, line }) => ({ line, value: parseJson(content, line) }));
}

function toEvent(value: unknown, registry: Registry): NewEvent {
  const parsed = shape.safeParse(value);
  if (!parsed.success) throw new DataError(issues(parsed.error.issues));
  const { event_type: type, subject_id: subjectId, subject, payload, occurred_at, source, id } = parsed.data;
  const definition = registry.events.get(type);
  if (!definition) throw new DataError(`nobody registered the event type "${type}"`);
  // They steer retries and dead letters of work that is not the client's.
  if (PIPELINE_EVENTS.includes(definition)) throw new DataError(`${type} is written by the pipeline only`);
  if (subject !== undefined && subject !== definition.subject) {
    throw new DataError(`the subject of ${type} is "${definition.subject}", not "${subject}"`);
  }
  if (!isStorable(value)) throw new DataError("a text has a NUL or half a surrogate pair, which Postgres cannot store");
  const event = {
    type,
    subject: definition.subject,
    subjectId,
    payload,
    ...(occurred_at === undefined ? {} : { occurredAt: new Date(occurred_at).toISOString() }),
    ...(source === undefined ? {} : { source }),
    ...(id === undefined ? {} : { id: id.toLowerCase() }),
  };
  checkPayload({ ...event, ...UNSTORED, schemaVersion: definition.version, source: "" }, definition);
  return event;
}

/** What an event gets only in the ledger; its payload's check does not look at it. */
const UNSTORED = { id: "", occurredAt: "", receivedAt: "", correlationId: null, causationId: null, position: null };

function isStorable(value: unknown): boolean {
  if (typeof value === "string") return !value.includes("\0") && value.isWellFormed();
  if (Array.isArray(value)) return value.every(isStorable);
  if (value === null || typeof value !== "object") return true;
  return Object.entries(value).every(([name, item]) => isStorable(name) && isStorable(item));
}
