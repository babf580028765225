/** Most bytes of each name of an event: they stand in its every record, and Postgres can index no more than 2,704. */
export const MAX_NAME_BYTES = 2_000;

export function isTooLong(name: string): boolean {
  return Buffer.byteLength(name) > MAX_NAME_BYTES;
}

/** The ledger takes it as a name. Postgres keeps neither NUL nor halves of surrogate pairs. */
export function canBeName(text: string): boolean {
  return !isTooLong(text) && !text.includes("\0") && text.isWellFormed();
}
