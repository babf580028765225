import { DataError } from "../engine/errors.ts";
import type { NewEvent } from "../engine/event.ts";
import { type Ingested, ingest } from "./ingest.ts";

/** What became of an event: it is in the ledger, or why it cannot be. */
export type Outcome = Pick<Ingested, "isNew"> | { readonly refused: DataError };

/** As `ingest`, but one wrong event refuses only itself. Where the lot is refused, each is offered alone. */
export async function ingestApart(
  events: readonly NewEvent[],
  options: Parameters<typeof ingest>[1],
): Promise<readonly Outcome[]> {
  try {
    return await ingest(events, options);
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    if (events.length === 1) return [{ refused: error }];
  }
  const outcomes: Outcome[] = [];
  for (const event of events) outcomes.push(...(await ingestApart([event], options)));
  return outcomes;
}
