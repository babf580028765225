/** How long to wait between attempts. `random` returns [0, 1), injected so that tests and simulations repeat. */
export interface Backoff {
  readonly baseMs: number;
  readonly capMs: number;
}

/**
 * "Full jitter" backoff: uniform in [0, min(cap, base * 2^(attempt-1))], never below 1 ms.
 * Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 */
export function fullJitter(attempt: number, { baseMs, capMs }: Backoff, random: () => number): number {
  const ceiling = Math.min(capMs, baseMs * 2 ** Math.min(attempt - 1, 30));
  return Math.max(1, Math.floor(random() * ceiling));
}
