import { EnvironmentError } from "../engine/errors.ts";

/** How long a topic that took nothing is left alone, in milliseconds. */
const CLOSED_MS = 5_000;

/** Topics that took nothing when last asked: left alone for a while, so that they hold up no other. */
export class ClosedTopics {
  readonly #clock: () => number;
  readonly #closed = new Map<string, { readonly until: number; readonly reason: EnvironmentError }>();

  /** `clock`: monotonic milliseconds. */
  constructor(clock: () => number) {
    this.#clock = clock;
  }

  /** Those to be left alone just now. */
  get topics(): string[] {
    return [...this.#closed].filter(([, { until }]) => this.#clock() < until).map(([topic]) => topic);
  }

  /** Why one of them takes nothing, until it takes something; null: all do, as far as is known. */
  get reason(): EnvironmentError | null {
    return [...this.#closed.values()][0]?.reason ?? null;
  }

  /** What `work` gives; null where the topic takes nothing. What is not the servers' fault is thrown. */
  async send<T>(topic: string, work: () => Promise<T>): Promise<T | null> {
    try {
      const result = await work();
      this.#closed.delete(topic);
      return result;
    } catch (error) {
      if (!(error instanceof EnvironmentError)) throw error;
      this.#closed.set(topic, { until: this.#clock() + CLOSED_MS, reason: error });
      return null;
    }
  }

  clear(): void {
    this.#closed.clear();
  }
}
