import { DataError } from "../engine/errors.ts";
import type { NewEvent } from "../engine/event.ts";
import { type Ingested, ingest } from "./ingest.ts";

/** What became of an event: it is in the ledger, or why it cannot be. */
export type Outcome = Pick<Ingested, "isNew"> | { readonly refused: DataError };

/**
 * As `ingest`, but one wrong event refuses only itself: where the lot is refused, each is offered alone. What became of
 * each comes in their order, as soon as it is so: what follows may fail.
 */
export async function* ingestApart(
  events: readonly NewEvent[],
  options: Parameters<typeof ingest>[1],
): AsyncGenerator<Outcome> {
  if (events.length === 0) return;
  const outcomes = await ingestOrRefuse(events, options);
  if (!("refused" in outcomes)) yield* outcomes;
  else if (events.length === 1) yield outcomes;
  else for (const event of events) yield* ingestApart([event], options);
}

async function ingestOrRefuse(
  events: readonly NewEvent[],
  options: Parameters<typeof ingest>[1],
): Promise<readonly Ingested[] | { readonly refused: DataError }> {
  try {
    return await ingest(events, options);
  } catch (error) {
    if (error instanceof DataError) return { refused: error };
    throw error;
  }
}
