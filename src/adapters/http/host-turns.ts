import { errorClassOf, messageOf, RetryableError } from "../../engine/errors.ts";

/** How a host wants to be treated. */
export interface Manners {
  /** Pause after each request, in milliseconds. */
  readonly gapMs: number;
  /** How long a host that did not answer is left alone, in milliseconds. */
  readonly downMs: number;
}

/** The right to talk to one host; release it exactly once. `down`: the host did not answer. */
export interface Turn {
  release(down?: Error): void;
}

interface HostState {
  held: boolean;
  freeAt: number;
  down: { readonly until: number; readonly error: Error } | null;
  readonly waiting: Waiter[];
}

interface Waiter {
  readonly go: () => void;
  readonly fail: (error: unknown) => void;
}

/** Above this many remembered hosts the idle ones are forgotten. */
const REMEMBERED_HOSTS = 1_000;

/**
 * One request at a time per host with a pause between, any number of hosts at once. When a host does not answer,
 * whoever waits for it learns so at once instead of finding out one deadline after the other.
 */
export class HostTurns {
  readonly #hosts = new Map<string, HostState>();

  constructor(private readonly now: () => number = Date.now) {}

  /** Waits for the host's turn. Rejects with the signal's reason, or RetryableError while the host is down. */
  async take(host: string, { gapMs, downMs }: Manners, signal: AbortSignal): Promise<Turn> {
    signal.throwIfAborted();
    const state = this.#state(host);
    this.#refuseIfDown(host, state);
    if (state.held) await queued(state, signal);
    state.held = true;
    const turn = { release: (down?: Error) => this.#release(host, state, { gapMs, downMs }, down) };
    const pause = state.freeAt - this.now();
    if (pause > 0) {
      await sleep(pause, signal).catch((reason: unknown) => {
        this.#passOn(state);
        throw reason;
      });
    }
    return turn;
  }

  #state(host: string): HostState {
    const known = this.#hosts.get(host);
    if (known) return known;
    if (this.#hosts.size >= REMEMBERED_HOSTS) this.#forgetIdle();
    const state: HostState = { held: false, freeAt: 0, down: null, waiting: [] };
    this.#hosts.set(host, state);
    return state;
  }

  #forgetIdle(): void {
    const now = this.now();
    for (const [host, { held, freeAt, down }] of this.#hosts) {
      if (!held && freeAt <= now && (down?.until ?? 0) <= now) this.#hosts.delete(host);
    }
  }

  #refuseIfDown(host: string, { down }: HostState): void {
    if (down && down.until > this.now()) throw sharedFailure(host, down.error);
  }

  #release(host: string, state: HostState, { gapMs, downMs }: Manners, down?: Error): void {
    state.freeAt = this.now() + gapMs;
    state.down = down && downMs > 0 ? { until: this.now() + downMs, error: down } : null;
    if (state.down && down) for (const waiter of state.waiting.splice(0)) waiter.fail(sharedFailure(host, down));
    this.#passOn(state);
  }

  #passOn(state: HostState): void {
    const next = state.waiting.shift();
    if (next) next.go();
    else state.held = false;
  }
}

function queued(state: HostState, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const waiter = { go: resolve, fail: reject };
  const onAbort = () => {
    const index = state.waiting.indexOf(waiter);
    if (index >= 0) state.waiting.splice(index, 1);
    // Without an index the turn was already given: `take` goes on and the next abort check hands it back.
    if (index >= 0) reject(signal.reason);
  };
  state.waiting.push(waiter);
  signal.addEventListener("abort", onAbort, { once: true });
  return promise.finally(() => signal.removeEventListener("abort", onAbort));
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onAbort = () => reject(signal.reason);
  const timer = setTimeout(resolve, ms);
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  return promise.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  });
}

function sharedFailure(host: string, error: Error): RetryableError {
  const message = `${host} did not answer a moment ago: ${messageOf(error)}`;
  return new RetryableError(message, errorClassOf(error), { cause: error });
}
