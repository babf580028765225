import { checkPayload, type DecodedEvent, decodeEvent, definitionOf, unwrap } from "../engine/decode.ts";
import type { StoredEvent } from "../engine/event.ts";
import type { LogRecord, StoreTx } from "../engine/ports.ts";
import type { Registry } from "../engine/registry.ts";

/** A record that is no usable event, and why. */
export interface BadRecord {
  readonly record: LogRecord;
  readonly error: unknown;
}

export interface DecodedBatch {
  /** Valid events not handled before, in order. */
  readonly events: readonly StoredEvent[];
  readonly bad: readonly BadRecord[];
  /** Highest ledger position in the batch, bad records included; null where none had one. */
  readonly lastPosition: number | null;
}

/**
 * Turns records of `events.raw` into checked events. `done` is the highest ledger position this partition has handled:
 * what is at or below it is a repeat, as the relay sends each partition in ledger order. Records of other senders carry
 * no position; theirs is looked up, and handlers are safe to repeat.
 */
export async function decodeBatch(
  records: readonly LogRecord[],
  {
    tx,
    done,
    registry,
    wanted,
  }: {
    tx: StoreTx;
    done: number | null;
    registry: Registry;
    /** Which event types to keep; others pass unread. Unknown types are always reported when it is absent. */
    wanted?: (type: string) => boolean;
  },
): Promise<DecodedBatch> {
  const bad: BadRecord[] = [];
  const fresh: DecodedEvent[] = [];
  let last = done;
  for (const record of records) {
    const decoded = attempt(record, () => decodeEvent(record), bad);
    if (!decoded) continue;
    const { position } = decoded.event;
    if (decoded.ordered && position !== null) {
      if (last !== null && position <= last) continue;
      last = position;
    }
    if (!wanted || wanted(decoded.event.type)) fresh.push(decoded);
  }
  const complete = await withPayloads(await withPositions(fresh, tx), tx);
  const events = complete.flatMap(({ record, event }) => {
    const checked = attempt(record, () => checkPayload(event, definitionOf(event, registry)), bad);
    return checked ? [checked] : [];
  });
  return { events, bad, lastPosition: last };
}

function attempt<T>(record: LogRecord, work: () => T, bad: BadRecord[]): T | null {
  try {
    return work();
  } catch (error) {
    bad.push({ record, error });
    return null;
  }
}

async function withPositions(decoded: readonly DecodedEvent[], tx: StoreTx): Promise<readonly DecodedEvent[]> {
  const unknown = decoded.filter((one) => !one.ordered).map((one) => one.event.id);
  if (unknown.length === 0) return decoded;
  const positions = await tx.ledger.positionsOf(unknown);
  return decoded.map((one) =>
    one.ordered ? one : { ...one, event: { ...one.event, position: positions.get(one.event.id) ?? null } },
  );
}

async function withPayloads(decoded: readonly DecodedEvent[], tx: StoreTx): Promise<readonly DecodedEvent[]> {
  const missing = decoded.filter((one) => one.payloadInLedger).map((one) => one.event.id);
  if (missing.length === 0) return decoded;
  const payloads = await tx.ledger.payloadsOf(missing);
  return decoded.map((one) =>
    one.payloadInLedger ? { ...one, event: { ...one.event, payload: unwrap(payloads.get(one.event.id)) } } : one,
  );
}
