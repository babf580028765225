import type { LogRecord } from "../engine/log.ts";
import type { TxLedger } from "../engine/store.ts";
import { decodeWorkMessage, unknownAsker } from "../engine/work-message.ts";
import type { BadRecord } from "./decode-batch.ts";

export interface DecodedMessages {
  readonly attempts: readonly { readonly id: string; readonly attempt: number }[];
  /** Messages without an id, whose events ask for the work themselves. */
  readonly passedOver: number;
  readonly bad: readonly BadRecord[];
}

/**
 * Turns records of a work topic into attempts. A program that keeps no registry sends messages without an id. Where the
 * ledger holds the event that such a message names, it is passed over: the router asks for its work when it comes to that
 * event, or an adoption has entered it already; so the registry knows of it, and whether it is done.
 */
export async function decodeMessages(
  records: readonly LogRecord[],
  ledger: Pick<TxLedger, "holds">,
): Promise<DecodedMessages> {
  const attempts: { id: string; attempt: number }[] = [];
  const asked: { record: LogRecord; askedBy: string }[] = [];
  const bad: BadRecord[] = [];
  for (const record of records) {
    try {
      const message = decodeWorkMessage(record);
      if ("askedBy" in message) asked.push({ record, ...message });
      else attempts.push(message);
    } catch (error) {
      bad.push({ record, error });
    }
  }
  const held = asked.length === 0 ? new Set() : await ledger.holds(asked.map(({ askedBy }) => askedBy));
  const strange = asked.filter(({ askedBy }) => !held.has(askedBy));
  bad.push(...strange.map(({ record, askedBy }) => ({ record, error: unknownAsker(askedBy) })));
  return { attempts, passedOver: asked.length - strange.length, bad };
}
