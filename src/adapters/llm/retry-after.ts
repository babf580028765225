/** A server that asks for more patience than this (in milliseconds) is asked again after it all the same. */
export const LONGEST_WAIT_MS = 3_600_000;
const SHORTEST_WAIT_MS = 1_000;

/**
 * How long a server asks us to stay away, in milliseconds: `retry-after-ms`, or `Retry-After` as seconds or as a date
 * (RFC 9110, 10.2.3). Null: it does not say. Between one second and one hour.
 */
export function retryAfterMs(headers: Headers | undefined, now: Date): number | null {
  const precise = Number.parseFloat(headers?.get("retry-after-ms") ?? "");
  if (Number.isFinite(precise)) return withinBounds(precise);
  const stated = headers?.get("retry-after")?.trim();
  if (!stated) return null;
  if (/^\d+(?:\.\d+)?$/.test(stated)) return withinBounds(Number(stated) * 1_000);
  const date = Date.parse(stated);
  return Number.isNaN(date) ? null : withinBounds(date - now.getTime());
}

const withinBounds = (ms: number): number => Math.min(LONGEST_WAIT_MS, Math.max(SHORTEST_WAIT_MS, Math.ceil(ms)));
