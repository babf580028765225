import { RefusedError } from "./errors.ts";
import { type Backoff, fullJitter } from "./retry.ts";

/** A server that is away may be back any moment. */
const AWAY: Backoff = { baseMs: 200, capMs: 10_000 };
/** One that refuses us waits for a person: asking often only fills its log and, with some, locks the account. */
const REFUSED: Backoff = { baseMs: 1_000, capMs: 30_000 };
/** Reasons told in one outage; a reason that changes with every try must not fill the log. */
const MOST_REASONS = 5;

/** A stretch of time in which a server is away or refuses us: counts the tries, spaces them, tells each reason once. */
export class Outage {
  #random: () => number;
  #failures = 0;
  #told = new Set<string>();

  constructor(random: () => number) {
    this.#random = random;
  }

  get failures(): number {
    return this.#failures;
  }

  /** One more failed try. `isNews`: its reason was not told yet. */
  failed(error: Error): { readonly isNews: boolean; readonly waitMs: number } {
    this.#failures += 1;
    const isNews = this.#told.size < MOST_REASONS && !this.#told.has(error.message);
    if (isNews) this.#told.add(error.message);
    const backoff = error instanceof RefusedError ? REFUSED : AWAY;
    return { isNews, waitMs: fullJitter(this.#failures, backoff, this.#random) };
  }

  /** It works again; true when there was an outage. */
  over(): boolean {
    const was = this.#failures > 0;
    this.#failures = 0;
    this.#told.clear();
    return was;
  }
}

/** One line for the log: what happened and what to do about it, as the error says, and what happens by itself. */
export function waitingFor(error: Error): string {
  const then =
    error instanceof RefusedError ? "it goes on by itself once that is mended" : "it is tried again by itself";
  return `waiting: ${error.message}; nothing is lost, ${then}`;
}
