import { DataError } from "../engine/errors.ts";
import type { NewRecord, RecordPosition } from "../engine/log.ts";

/**
 * Appends records in their order. Where the log refuses one as too large, the batch is halved until that one stands
 * alone, and `alone` says what becomes of it, before anything behind it is sent: its position after all, or null. So a
 * partition may get the beginning of a batch several times, but never a later record before an earlier one. Positions
 * come back in the order of the records; other errors are thrown.
 */
export async function appendApart<R extends NewRecord>(
  records: readonly R[],
  append: (records: readonly NewRecord[]) => Promise<RecordPosition[]>,
  alone: (record: R, error: DataError) => Promise<RecordPosition | null>,
): Promise<(RecordPosition | null)[]> {
  try {
    return await append(records);
  } catch (error) {
    if (!isTooLarge(error)) throw error;
    const [first, ...more] = records;
    if (first && more.length === 0) return [await alone(first, error)];
    const half = Math.ceil(records.length / 2);
    const left = await appendApart(records.slice(0, half), append, alone);
    return [...left, ...(await appendApart(records.slice(half), append, alone))];
  }
}

/** Whether the log will never take a record, as it is larger than it takes. */
export function isTooLarge(error: unknown): error is DataError {
  return error instanceof DataError && error.errorClass === "too_large";
}
