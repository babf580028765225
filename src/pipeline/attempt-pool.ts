import { messageOf } from "../engine/errors.ts";
import type { AcceptedWork } from "../engine/store.ts";
import { type AttemptOptions, runAttempt } from "./attempt.ts";

/** An agent that says nothing for this long is gone, and its attempts count as failed. */
export const LEASE_MS = 20_000;
const RENEW_MS = 5_000;

interface UnderWay {
  readonly work: AcceptedWork;
  readonly done: Promise<void>;
}

/**
 * The attempts that one worker has under way: at most as many as the agent wants, one at a time for each subject, their
 * leases renewed while they last.
 */
export class AttemptPool {
  readonly #options: AttemptOptions;
  readonly #running = new Map<string, UnderWay>();
  readonly #lanes = new Map<string, Promise<void>>();
  readonly #stopping = new AbortController();
  #freed = Promise.withResolvers<void>();
  #restUntil = 0;
  #stopRenewal: (() => void) | null = null;

  constructor(options: AttemptOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#running.size;
  }

  /** Starts an attempt, behind others of its subject. Never rejects: what happened is in the ledger or the log. */
  start(work: AcceptedWork): void {
    const before = this.#lanes.get(work.subjectId) ?? Promise.resolve();
    const done = before.then(() => this.#run(work)).then(() => this.#end(work));
    this.#lanes.set(work.subjectId, done);
    this.#running.set(keyOf(work), { work, done });
    this.#tellWorking();
    this.#stopRenewal ??= this.#options.clock.every(RENEW_MS, () => void this.#renew());
  }

  /** Waits until the agent does not rest and has a place; returns how many places there are. */
  async room(signal: AbortSignal): Promise<number> {
    const { clock } = this.#options;
    while (clock.now() < this.#restUntil) await clock.sleep(this.#restUntil - clock.now(), signal);
    const aborted = aborting(signal);
    const { concurrency } = this.#options.agent;
    while (this.size >= concurrency && !signal.aborted) await Promise.race([this.#freed.promise, aborted.promise]);
    aborted.forget();
    return concurrency - this.size;
  }

  /** Waits for what is under way until the deadline aborts, then gives the rest back, to be started elsewhere. */
  async drain(deadline: AbortSignal): Promise<void> {
    const late = aborting(deadline);
    await Promise.race([Promise.all([...this.#running.values()].map(({ done }) => done)), late.promise]);
    late.forget();
    if (this.size === 0) return;
    this.#stopping.abort();
    this.#stopRenewing();
    const left = this.#attempts();
    this.#options.logger.info(`giving back ${left.length} unfinished work items`, { stage: this.#options.agent.name });
    await this.#options.store.transaction((tx) => tx.work.release(left));
  }

  async #run(work: AcceptedWork): Promise<void> {
    try {
      const restMs = await runAttempt(work, this.#options, this.#stopping.signal);
      if (restMs > 0) this.#rest(restMs);
    } catch (error) {
      this.#options.logger.error(`an attempt could not be ended: ${messageOf(error)}`, { work: work.id });
    }
  }

  #rest(ms: number): void {
    this.#restUntil = Math.max(this.#restUntil, this.#options.clock.now() + ms);
    this.#options.telemetry.resting(this.#options.agent.name, ms);
  }

  #tellWorking(): void {
    const { agent, telemetry } = this.#options;
    telemetry.working(agent.name, this.size, agent.concurrency);
  }

  #end(work: AcceptedWork): void {
    const ended = this.#running.get(keyOf(work));
    this.#running.delete(keyOf(work));
    this.#tellWorking();
    if (this.#lanes.get(work.subjectId) === ended?.done) this.#lanes.delete(work.subjectId);
    if (this.size === 0) this.#stopRenewing();
    this.#freed.resolve();
    this.#freed = Promise.withResolvers<void>();
  }

  #attempts(): { id: string; attempt: number }[] {
    return [...this.#running.values()].map(({ work }) => ({ id: work.id, attempt: work.attempt }));
  }

  /** A renewal that fails is made up for by the next; three fit into a lease. */
  async #renew(): Promise<void> {
    await this.#options.store.schedule.renew(this.#attempts(), LEASE_MS).catch(() => {});
  }

  #stopRenewing(): void {
    this.#stopRenewal?.();
    this.#stopRenewal = null;
  }
}

/** Names an attempt: one whose lease was lost may still run when this worker takes on the next. */
const keyOf = ({ id, attempt }: AcceptedWork) => `${id}/${attempt}`;

/** A promise that resolves when the signal aborts, and a way to stop listening. */
function aborting(signal: AbortSignal): { promise: Promise<void>; forget: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const onAbort = () => resolve();
  if (signal.aborted) resolve();
  signal.addEventListener("abort", onAbort, { once: true });
  return { promise, forget: () => signal.removeEventListener("abort", onAbort) };
}
