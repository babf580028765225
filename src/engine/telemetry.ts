import type { StoredEvent } from "./event.ts";
import type { LedgerRow, OutboxRow } from "./store.ts";
import type { NewWork, Work } from "./work.ts";

/** What happens to a stage's membership of its consumer group; `interrupted`: it failed and is tried again. */
export type MembershipChange = "joining" | "assigned" | "reading" | "interrupted";

/** How an attempt ended. `lost`: it was taken away meanwhile, and nothing of it was written. */
export interface AttemptEnd {
  readonly agent: string;
  readonly outcome: "done" | "failed" | "paused" | "lost";
  readonly errorClass: string | null;
  readonly seconds: number;
  /** Ids of the events it brought. */
  readonly events: readonly string[];
}

/** One answer of a language model, or none. */
export interface ModelCall {
  readonly model: string;
  /** `ok`, or the error's class. */
  readonly outcome: string;
  readonly seconds: number;
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** Tokens per day, and how many of them are left; null: there is no limit. */
  readonly budget: { readonly perDay: number; readonly left: number } | null;
}

/**
 * What the program tells about its work while it does it: facts, once per batch and after they are committed. Whoever
 * listens makes metrics, traces or liveness of them; stages know nothing of either. Durations are in seconds and end now.
 */
export interface Telemetry {
  /**
   * A loop is in a pass until what is returned is disposed. `poll`: it passes every few seconds whatever happens;
   * `batch`: only when there is something to do.
   */
  pass(loop: string, kind: "poll" | "batch"): Disposable;
  membership(stage: string, change: MembershipChange): void;
  lease(name: string, held: boolean): void;
  /** A stage is through with a batch. */
  batch(stage: string, records: number, seconds: number): void;
  /** Records that nobody can process, by the class of what is wrong with each. */
  setAside(stage: string, errorClasses: readonly string[]): void;

  captured(rows: readonly LedgerRow[], seconds: number): void;
  forwarded(rows: readonly OutboxRow[], seconds: number): void;
  /** `claimed`: the work that came of the events and was not known before. */
  routed(events: readonly StoredEvent[], claimed: readonly NewWork[], seconds: number): void;
  materialized(events: readonly StoredEvent[], seconds: number): void;
  dispatched(work: readonly Work[], seconds: number): void;
  /** Work went to the dead letters. */
  buried(work: readonly Work[], seconds: number): void;

  /** How many attempts an agent has under way, of how many it may have. */
  working(agent: string, running: number, concurrency: number): void;
  /** An agent does nothing for so many milliseconds from now: nothing of it could work. */
  resting(agent: string, ms: number): void;
  /** Runs an attempt; what is told within belongs to it. */
  during<T>(work: Work, run: () => Promise<T>): Promise<T>;
  attempted(work: Work, end: AttemptEnd): void;
  /** A page was asked for; `ok`, or the error's class. */
  fetched(outcome: string, seconds: number): void;
  modelCalled(call: ModelCall): void;
}

const NOTHING: Disposable = { [Symbol.dispose]() {} };

/** Nobody listens. */
export const noTelemetry: Telemetry = {
  pass: () => NOTHING,
  membership() {},
  lease() {},
  batch() {},
  setAside() {},
  captured() {},
  forwarded() {},
  routed() {},
  materialized() {},
  dispatched() {},
  buried() {},
  working() {},
  resting() {},
  during: (_, run) => run(),
  attempted() {},
  fetched() {},
  modelCalled() {},
};

/** Seconds since a reading of `performance.now()`. */
export function secondsSince(startedAt: number): number {
  return (performance.now() - startedAt) / 1_000;
}
