import { isDeepStrictEqual } from "node:util";
import type { Hono } from "hono";
import type { NewEvent } from "../engine/event.ts";
import { deterministicId } from "../engine/ids.ts";
import { authorize } from "./auth.ts";
import { contentType, readText } from "./body.ts";
import type { ServerDeps } from "./deps.ts";
import { parseEvents } from "./events-body.ts";
import { Problem } from "./problems.ts";

/** `POST /api/events`: one event, a list, or NDJSON, of any registered type. All of it is taken, or nothing. */
export function mountEvents(app: Hono, deps: ServerDeps): void {
  app.post("/api/events", async (c) => {
    const client = await authorize(c, deps.tokens, "capture");
    const type = contentType(c, ["application/json", "application/x-ndjson"]);
    const key = idempotencyKey(c.req.header("idempotency-key"));
    const parsed = parseEvents(await readText(c), { ndjson: type === "application/x-ndjson", registry: deps.registry });
    const events = parsed.map((event, index) => complete(event, index, client.name, key));
    await refuseOtherContent(events, deps, key);
    if (key !== null) await refuseShorterBody(events.length, client.name, key, deps);
    const captured = await deps.ingest(events);
    // Somebody may have sent the same ids at the same moment: whoever was second learns it here.
    if (captured.some(({ isNew }) => !isNew)) await refuseOtherContent(events, deps, key);
    const answer = captured.map(({ id, subjectId, isNew }) => ({ id, subject_id: subjectId, new: isNew }));
    return c.json({ success: true, events: answer }, captured.some(({ isNew }) => isNew) ? 201 : 200);
  });
}

function idempotencyKey(header: string | undefined): string | null {
  if (header === undefined) return null;
  const key = header.trim();
  if (key === "" || key.length > 255) throw new Problem(400, "Idempotency-Key must have 1 to 255 characters.");
  return key;
}

/** Under a key, the same place in the body is always the same event. Keys of different tokens never meet. */
function complete(event: NewEvent, index: number, client: string, key: string | null): NewEvent {
  const id = event.id ?? (key === null ? undefined : keyedId(client, key, index));
  return { ...event, source: event.source ?? client, ...(id === undefined ? {} : { id }) };
}

function keyedId(client: string, key: string, index: number): string {
  return deterministicId("api", client, key, index);
}

const OTHER_BODY = "this Idempotency-Key came with another body before";

/** The first time there were more events than now. */
async function refuseShorterBody(length: number, client: string, key: string, deps: ServerDeps): Promise<void> {
  const further = await deps.findEvents([keyedId(client, key, length)]);
  if (further.length > 0) throw new Problem(422, `There are fewer events: ${OTHER_BODY}.`);
}

/** An id that the ledger knows must mean the same event, and a repeated request must be the same as a whole. */
async function refuseOtherContent(events: readonly NewEvent[], deps: ServerDeps, key: string | null): Promise<void> {
  const ids = events.flatMap((event) => event.id ?? []);
  const stored = new Map((await deps.findEvents(ids)).map((event) => [event.id, event]));
  if (stored.size === 0) return;
  for (const [index, event] of events.entries()) {
    const known = stored.get(event.id ?? "");
    const same = known ? isSame(event, known) : key === null || event.id === undefined;
    if (same) continue;
    const detail = key === null ? `id ${event.id} is another event's` : OTHER_BODY;
    throw new Problem(422, `Event ${index + 1}: ${detail}.`, { errors: [{ line: index + 1, detail }] });
  }
}

function isSame(event: NewEvent, known: NewEvent): boolean {
  const sameTime =
    event.occurredAt === undefined || Date.parse(event.occurredAt) === Date.parse(known.occurredAt ?? "");
  return (
    sameTime &&
    event.type === known.type &&
    event.subjectId === known.subjectId &&
    event.source === known.source &&
    isDeepStrictEqual(event.payload, known.payload)
  );
}
