import { RefusedError } from "./errors.ts";
import { type Backoff, fullJitter } from "./retry.ts";

/** A server that is away may be back any moment. */
const AWAY: Backoff = { baseMs: 200, capMs: 10_000 };
/** One that refuses us waits for a person: asking often only fills its log and, with some, locks the account. */
const REFUSED: Backoff = { baseMs: 1_000, capMs: 30_000 };
/** Reasons told in one outage; a reason that changes with every try must not fill the log. */
const MOST_REASONS = 5;

/** Failures in a row after which who works `once` gives up: nobody waits there for a server to come back. */
export const ONCE_TRIES = 3;

/** A reason that comes back so soon is no news: a full disk takes a little now and then. In milliseconds. */
const RELAPSE_MS = 10_000;

/** A stretch of time in which a server is away or refuses us: counts the tries, spaces them, tells each reason once. */
export class Outage {
  readonly #random: () => number;
  readonly #now: () => number;
  #failures = 0;
  /** When each reason was told. */
  readonly #told = new Map<string, number>();
  #hasTold = false;

  /** `now`: monotonic milliseconds. */
  constructor(random: () => number, now: () => number = () => performance.now()) {
    this.#random = random;
    this.#now = now;
  }

  get failures(): number {
    return this.#failures;
  }

  /** One more failed try. `isNews`: its reason was not told yet. */
  failed(error: Error): { readonly isNews: boolean; readonly waitMs: number } {
    if (this.#failures === 0) this.#forgetOld();
    this.#failures += 1;
    const isNews = this.#told.size < MOST_REASONS && !this.#told.has(error.message);
    if (isNews) {
      this.#told.set(error.message, this.#now());
      this.#hasTold = true;
    }
    const backoff = error instanceof RefusedError ? REFUSED : AWAY;
    return { isNews, waitMs: fullJitter(this.#failures, backoff, this.#random) };
  }

  /** It works again; true when there was an outage that anything was told of. */
  over(): boolean {
    const wasTold = this.#hasTold;
    this.#failures = 0;
    this.#hasTold = false;
    return wasTold;
  }

  #forgetOld(): void {
    const now = this.#now();
    for (const [reason, at] of this.#told) if (now - at > RELAPSE_MS) this.#told.delete(reason);
  }
}

/** One line for the log: what happened and what to do about it, as the error says, and what happens by itself. */
export function waitingFor(error: Error): string {
  const then =
    error instanceof RefusedError ? "it goes on by itself once that is mended" : "it is tried again by itself";
  return `waiting: ${error.message}; nothing is lost, ${then}`;
}
