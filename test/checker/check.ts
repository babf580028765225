import type { App } from "../../src/app.ts";
import { doubledEffects, notHandled, wrongWork } from "./effects.ts";
import { foldLedger } from "./fold.ts";
import { wrongLetters } from "./letters.ts";
import { compareTable } from "./table.ts";

/** What is wrong with a life that came to rest. All empty: nothing lost, nothing doubled. */
export interface Findings {
  /** Events that have no effect, or not the one they tell of. */
  readonly lost: readonly string[];
  /** Effects that are there more than once, or that no event tells of. */
  readonly doubled: readonly string[];
  /** Anything else that is promised and not so. */
  readonly problems: readonly string[];
}

/**
 * Compares every state table, column by column, with a fold of the ledger that shares no code with the projections, and
 * looks for effects that are there twice, for work beyond its bounds, and for the one dead letter of each round given up.
 */
export async function checkLife(app: App): Promise<Findings> {
  const lost = await notHandled(app);
  const doubled = await doubledEffects(app);
  const letters = await wrongLetters(app);
  doubled.push(...letters.doubled);
  for (const table of await foldLedger(app)) {
    const { lacking, extra } = await compareTable(app, table);
    lost.push(...lacking);
    doubled.push(...extra);
  }
  return { lost, doubled, problems: [...(await wrongWork(app)), ...letters.lacking] };
}
