import { checkPayload, type DecodedEvent, decodeEvent, definitionOf, unwrap } from "../engine/decode.ts";
import type { StoredEvent } from "../engine/event.ts";
import type { LogRecord } from "../engine/log.ts";
import type { Registry } from "../engine/registry.ts";
import type { StoreTx, Watermark } from "../engine/store.ts";

/** A record that is no usable event, and why. */
export interface BadRecord {
  readonly record: LogRecord;
  readonly error: unknown;
}

export interface DecodedBatch {
  /** Valid events not handled before, in order; without those that an adoption has settled. */
  readonly events: readonly StoredEvent[];
  readonly bad: readonly BadRecord[];
  /** Highest ledger position in the batch, bad records included; null where none had one. */
  readonly watermark: Watermark | null;
}

/**
 * Turns records of `events.raw` into checked events. `done` is the highest ledger position this partition has handled:
 * what is at or below it is a repeat, as the relay sends each partition in ledger order. A position counts only where
 * the ledger confirms it: records that another ledger, a restored backup's lost future or another sender left in the
 * topic raise nothing and hide nothing; handlers are safe to repeat.
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
    done: Watermark | null;
    registry: Registry;
    /** Which event types to keep; others pass unread. Unknown types are always reported when it is absent. */
    wanted?: (type: string) => boolean;
  },
): Promise<DecodedBatch> {
  const bad: BadRecord[] = [];
  const decoded = records.flatMap((record) => attempt(record, () => decodeEvent(record), bad) ?? []);
  const { fresh, watermark } = await withoutRepeats(decoded, done, tx);
  const asked = wanted ? fresh.filter(({ event }) => wanted(event.type)) : fresh;
  const events = (await withPayloads(asked, tx)).flatMap(
    ({ record, event }) => attempt(record, () => checkPayload(event, definitionOf(event, registry)), bad) ?? [],
  );
  return { events, bad, watermark };
}

function attempt<T>(record: LogRecord, work: () => T, bad: BadRecord[]): T | null {
  try {
    return work();
  } catch (error) {
    bad.push({ record, error });
    return null;
  }
}

async function withoutRepeats(decoded: readonly DecodedEvent[], done: Watermark | null, tx: StoreTx) {
  const { generation, positions, settled } = await tx.ledger.confirm(decoded.map((one) => one.event.id));
  const fresh: DecodedEvent[] = [];
  let last = done?.generation === generation ? done.position : null;
  for (const one of decoded) {
    const position = positions.get(one.event.id) ?? null;
    const sentUnder = Number(one.record.headers.generation ?? Number.NaN);
    // What an earlier flow of the ledger left behind comes again, in its order.
    if (position !== null && sentUnder < generation) continue;
    if (position !== null && one.event.position === position && sentUnder === generation) {
      if (last !== null && position <= last) continue;
      last = position;
    }
    if (settled.has(one.event.id)) continue;
    fresh.push({ ...one, event: { ...one.event, position } });
  }
  return { fresh, watermark: last === null ? null : { generation, position: last } };
}

/** What a payload that stayed in the ledger may well have: there only pages are that large. */
const REFERRED_BYTES = 1_000_000;
/** A record without its payload is no larger than this. */
const ENVELOPE_BYTES = 4_096;

/** The bytes of a record once its payload was read. */
export function bytesWithPayload({ value }: LogRecord): number {
  const own = value?.length ?? 0;
  if (own > ENVELOPE_BYTES) return own;
  return /"payload" ?: ?null/.test(Buffer.from(value ?? []).toString("latin1")) ? REFERRED_BYTES : own;
}

async function withPayloads(decoded: readonly DecodedEvent[], tx: StoreTx): Promise<readonly DecodedEvent[]> {
  const missing = decoded.filter((one) => one.payloadInLedger).map((one) => one.event.id);
  if (missing.length === 0) return decoded;
  const payloads = await tx.ledger.payloadsOf(missing);
  return decoded.map((one) =>
    one.payloadInLedger ? { ...one, event: { ...one.event, payload: unwrap(payloads.get(one.event.id)) } } : one,
  );
}
