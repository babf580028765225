import { DataError, messageOf } from "../engine/errors.ts";
import type { NewEvent } from "../engine/event.ts";
import { type Deciding, recordAct } from "../engine/failure-acts.ts";
import type { Logger } from "../engine/logger.ts";
import type { Registry } from "../engine/registry.ts";
import type { Store, StoreTx, TooNewRecord } from "../engine/store.ts";
import { readAgain } from "./failure-desk-apply.ts";
import { ingestApart } from "./ingest-apart.ts";

export interface TooNewOptions {
  readonly store: Store;
  readonly registry: Registry;
  readonly logger: Logger;
  readonly now: () => Date;
}

/** Records at a time; each may have a megabyte. */
const BATCH = 50;

/** What the ledger says of such a decision: nobody took it. */
const UPGRADED: Deciding = {
  by: "stream-agents",
  source: "upgrade",
  reason: "this program knows the event's schema version",
};

/**
 * Offers events again that an earlier program set aside as too new, and that this one can read: by the same events with
 * which a person redrives a record, so they are applied in their place in the ledger's order. What is offered already is
 * offered once. Returns how many were offered now.
 */
export async function offerTooNew({ store, registry, logger, now }: TooNewOptions): Promise<number> {
  let offered = 0;
  for (let after: string | null = null; ; ) {
    const from: string | null = after;
    const { last, acts } = await store.transaction(async (tx) => {
      const records = await tx.deadLetters.tooNew(from, BATCH);
      const acts: NewEvent[] = [];
      for (const record of records) acts.push(...(await actOn(record, registry, tx)));
      return { last: records.at(-1)?.id ?? null, acts };
    });
    for await (const outcome of ingestApart(acts, { store, registry, now })) {
      if ("refused" in outcome)
        logger.error(`not offered again: ${messageOf(outcome.refused)}`, { stage: "dispatcher" });
      else if (outcome.isNew) offered += 1;
    }
    if (last === null) break;
    after = last;
  }
  if (offered > 0) logger.info("events that were too new for an earlier program are applied now", { events: offered });
  return offered;
}

async function actOn(
  record: TooNewRecord,
  registry: Registry,
  { ledger }: Pick<StoreTx, "ledger">,
): Promise<NewEvent[]> {
  try {
    const event = await readAgain(record, registry, ledger);
    if (!event) return [];
    const { subject, subjectId } = event;
    return [recordAct("redriven", { ...record, subject, subjectId }, UPGRADED)];
  } catch (error) {
    if (error instanceof DataError) return [];
    throw error;
  }
}
