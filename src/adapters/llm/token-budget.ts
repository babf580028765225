import { PauseError } from "../../engine/errors.ts";

const DAY_MS = 86_400_000;

/**
 * How many tokens a language model may still cost today (UTC), as its server counts them. What is under way is not
 * counted yet, so a day may end an answer or two above the limit; a process that starts anew begins at nothing spent.
 */
export class TokenBudget {
  #day = 0;
  #spent = 0;

  /** `perDay`: null is no limit. */
  constructor(
    readonly perDay: number | null,
    readonly now: () => Date,
  ) {}

  /** Null where there is no limit. */
  get left(): number | null {
    this.#turnDay();
    return this.perDay === null ? null : Math.max(0, this.perDay - this.#spent);
  }

  spend(tokens: number): void {
    this.#turnDay();
    this.#spent += tokens;
  }

  /** Throws where nothing is left: the agent rests until the next day, and the attempt does not count. */
  check(): void {
    if (this.left !== 0) return;
    const untilMidnight = DAY_MS - (this.now().getTime() % DAY_MS);
    throw new PauseError(
      `today's ${this.perDay} tokens for the language model are spent: it goes on at midnight UTC, or with a higher OPENAI_DAILY_TOKENS`,
      untilMidnight,
      "quota",
    );
  }

  #turnDay(): void {
    const day = Math.floor(this.now().getTime() / DAY_MS);
    if (day !== this.#day) this.#spent = 0;
    this.#day = day;
  }
}
