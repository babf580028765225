import type { StoredEvent } from "../../engine/event.ts";
import type { Parked } from "../../engine/projection.ts";
import type { Sql } from "../../engine/store.ts";

/** Which of these subject ids a state table has a row for. */
export async function knownIn(table: string, ids: readonly string[], tx: Sql): Promise<Set<string>> {
  const rows = await tx<{ id: string }[]>`
    select subject_id as id from ${tx(`lifestream.${table}`)} where subject_id = any(${ids as string[]})`;
  return new Set(rows.map((row) => row.id));
}

/** Splits events into those whose parent is known and those that must wait for it. */
export function park<E extends StoredEvent>(
  events: readonly E[],
  parentOf: (event: E) => string,
  known: ReadonlySet<string>,
): { present: E[]; parked: Parked[] } {
  const present = events.filter((event) => known.has(parentOf(event)));
  const parked = events
    .filter((event) => !known.has(parentOf(event)))
    .map((event) => ({ event, waitsFor: parentOf(event) }));
  return { present, parked };
}
