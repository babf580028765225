import { RetryableError } from "../../engine/errors.ts";

/**
 * All time limits of one fetch in one abort signal: the caller's own signal, and whichever phase runs out first.
 * The signal's reason is the error to throw.
 */
export class Deadlines implements Disposable {
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal;
  readonly #phases = new Set<Disposable>();

  constructor(outer: AbortSignal) {
    this.#outer = outer;
    outer.addEventListener("abort", this.#follow, { once: true });
    if (outer.aborted) this.#follow();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Starts a phase of at most `ms` milliseconds; dispose it when the phase is over. */
  phase(ms: number, message: string): Disposable {
    const timer = setTimeout(() => this.fail(new RetryableError(message, "timeout")), ms);
    const phase = { [Symbol.dispose]: () => clearTimeout(timer) };
    this.#phases.add(phase);
    return phase;
  }

  /** Ends the whole fetch with this error. */
  fail(error: Error): void {
    this.#controller.abort(error);
  }

  /** The promise's outcome, or the signal's reason if that comes first. */
  async race<T>(promise: Promise<T>): Promise<T> {
    const { signal } = this;
    signal.throwIfAborted();
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      return await Promise.race([promise, aborted]);
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  [Symbol.dispose](): void {
    this.#outer.removeEventListener("abort", this.#follow);
    for (const phase of this.#phases) phase[Symbol.dispose]();
  }

  #follow = (): void => {
    this.#controller.abort(this.#outer.reason);
  };
}

/** Milliseconds as a person says them: `5 s`, `250 ms`. */
export function spoken(ms: number): string {
  return ms >= 1_000 ? `${Math.round(ms / 100) / 10} s` : `${ms} ms`;
}
