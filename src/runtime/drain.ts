import type { Clock } from "../engine/clock.ts";
import { EnvironmentError, LeaseLostError, messageOf, RefusedError } from "../engine/errors.ts";
import type { Logger } from "../engine/logger.ts";
import { ONCE_TRIES, Outage, waitingFor } from "../engine/outage.ts";
import type { Leases, Wake, WakeChannel } from "../engine/store.ts";
import type { Telemetry } from "../engine/telemetry.ts";

/** A loop that takes what is due from the store and sends it on. */
export interface Drainer {
  readonly name: string;
  readonly channel: WakeChannel;
  /** Poll when nothing wakes it: the safety net, and the pace behind a pooler. */
  readonly pollMs: number;
  /** One batch under the lease. True: there may be more, go on at once. `signal`: the loop is to end. */
  step(lease: { name: string; holder: string }, signal: AbortSignal): Promise<boolean>;
  /** When the next item is due by itself, in milliseconds. */
  nextDueInMs?(): Promise<number | null>;
  /** What kept a part of its step from being done while the rest went on; null: nothing. */
  trouble?(): Error | null;
  /** Forget what was under way: the lease was lost, or a step failed. */
  reset?(): void;
}

export interface DrainContext {
  readonly leases: Leases;
  readonly wake: Wake;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly random: () => number;
  /** Names this process among those that want the lease. */
  readonly holder: string;
  /** Return as soon as nothing is due. */
  readonly once: boolean;
}

const LEASE_MS = 10_000;
const RENEW_MS = 3_000;

/**
 * The one drain loop: full batches follow each other without a pause, a notification wakes it, a slow poll is the
 * safety net. One process at a time holds the lease and works, others stand by. Returns when the signal aborts.
 */
export async function drain(drainer: Drainer, context: DrainContext): Promise<void> {
  const lease = { name: drainer.name, holder: context.holder };
  const bell = new Bell(context.clock, context.signal);
  const listening = new AbortController();
  const unlisten = AbortSignal.any([context.signal, listening.signal]);
  void context.wake
    .listen(drainer.channel, () => bell.ring(), unlisten)
    .catch((error) => {
      if (unlisten.aborted) return;
      context.logger.warn(`no notifications, polling instead: ${messageOf(error)}`, { stage: drainer.name });
    });
  const state: DrainState = { renewAt: 0, term: null, hasWorked: false, waitMs: 0 };
  const outage = new Outage(context.random);
  const startedAt = context.clock.now();
  try {
    while (!context.signal.aborted) {
      const more = await attempt(drainer, lease, { state, outage }, context);
      if (more === "more") continue;
      if (more === "failed") {
        // Not to be woken: what comes in meanwhile would knock at a closed door each time.
        await context.clock.sleep(state.waitMs, context.signal).catch(() => {});
        continue;
      }
      if (more === "idle" && context.once) return;
      // Whoever still holds the lease after one's length is alive and at it.
      if (more === "standby" && context.once && context.clock.now() - startedAt > LEASE_MS + RENEW_MS) return;
      await bell.wait(await pause(drainer, state, more, context));
    }
  } finally {
    listening.abort();
    context.telemetry.lease(drainer.name, false);
    await context.leases.release(lease).catch(() => {});
  }
}

interface DrainState {
  renewAt: number;
  /** Under which term the lease is held; null: it is not. */
  term: number | null;
  hasWorked: boolean;
  waitMs: number;
}

async function attempt(
  drainer: Drainer,
  lease: { name: string; holder: string },
  { state, outage }: { readonly state: DrainState; readonly outage: Outage },
  context: DrainContext,
): Promise<"more" | "idle" | "standby" | "failed"> {
  using _pass = context.telemetry.pass(drainer.name, "poll");
  try {
    if (context.clock.now() >= state.renewAt) {
      const term = await context.leases.acquire(lease, LEASE_MS);
      // Another may have had it in between, and given it back.
      if (term !== null && term !== state.term) drainer.reset?.();
      state.term = term;
      context.telemetry.lease(drainer.name, term !== null);
      state.renewAt = context.clock.now() + RENEW_MS;
    }
    if (state.term === null) {
      state.renewAt = 0;
      return "standby";
    }
    const more = await drainer.step(lease, context.signal);
    const trouble = drainer.trouble?.() ?? null;
    // Who works until nothing is due waits for it, as for a server that is away.
    if (trouble && context.once && !more) throw trouble;
    if (trouble) tell(trouble, outage.failed(trouble), drainer, context);
    else if (outage.over()) context.logger.info("going on", { stage: drainer.name });
    state.hasWorked = true;
    return more ? "more" : "idle";
  } catch (error) {
    state.renewAt = 0;
    drainer.reset?.();
    if (error instanceof LeaseLostError) return "more";
    // Whoever was let in once is waited for until a person has mended it; who never was has the wrong settings.
    if (error instanceof RefusedError && !state.hasWorked) throw error;
    const problem = error instanceof Error ? error : new Error(messageOf(error));
    const failure = outage.failed(problem);
    if (context.once && outage.failures >= ONCE_TRIES) throw error;
    tell(problem, failure, drainer, context);
    state.waitMs = failure.waitMs;
    return "failed";
  }
}

function tell(error: Error, { isNews }: { isNews: boolean }, { name }: Drainer, { logger }: DrainContext): void {
  if (!isNews) return;
  const level = error instanceof EnvironmentError ? "warn" : "error";
  logger[level](waitingFor(error), { stage: name });
}

async function pause(drainer: Drainer, state: DrainState, why: string, context: DrainContext): Promise<number> {
  if (why === "standby") return 1_000 + context.random() * 500;
  const due = await drainer.nextDueInMs?.().catch(() => null);
  return Math.min(drainer.pollMs, due ?? drainer.pollMs, Math.max(1, state.renewAt - context.clock.now()));
}

/** Why a wait is over. Without one an error would be made, and its stack written down, at each ring. */
const WOKEN = "woken";

/** Remembers a ring until somebody waits, so that none between two waits is lost. */
class Bell {
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  #rung = false;
  #waiting: AbortController | null = null;

  /** `signal`: nobody is to wait any longer. */
  constructor(clock: Clock, signal: AbortSignal) {
    this.#clock = clock;
    this.#signal = signal;
    signal.addEventListener("abort", () => this.#waiting?.abort(WOKEN), { once: true });
  }

  ring(): void {
    this.#rung = true;
    this.#waiting?.abort(WOKEN);
  }

  async wait(ms: number): Promise<void> {
    if (!this.#rung && ms > 0 && !this.#signal.aborted) {
      this.#waiting = new AbortController();
      await this.#clock.sleep(ms, this.#waiting.signal).catch(() => {});
      this.#waiting = null;
    }
    this.#rung = false;
  }
}
