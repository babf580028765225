import type { Clock } from "../engine/clock.ts";
import { LeaseLostError, UserError } from "../engine/errors.ts";
import { within } from "../engine/patience.ts";
import type { Lease, Leases } from "../engine/store.ts";

/** Held while topics are made anew: a second reset ends or waits, and stages that start wait. */
export const RESET_LEASE = "reset";
const LEASE_MS = 10_000;
const RENEW_MS = 3_000;
const POLL_MS = 500;
/** The lease runs out by itself. */
const RELEASE_MS = 3_000;

/** How long to wait for another reset to end. */
export interface ResetPatience {
  readonly ms: number;
  /** Told once, where there is one to wait for. */
  readonly say: (line: string) => void;
}

export interface ResetTurn {
  readonly leases: Leases;
  readonly clock: Clock;
  /** Names this reset among all that there ever were. */
  readonly holder: string;
  /** Left out: another reset is not waited for. */
  readonly patience?: ResetPatience | undefined;
}

/** The turn of a reset, which it may lose while it is frozen or Postgres is away. */
export interface HeldReset {
  readonly lease: Lease;
  /** Aborts as soon as another reset may have been let in. */
  readonly signal: AbortSignal;
  /** Renews the lease, or throws LeaseLostError: asked right before anything that another reset would suffer from. */
  confirm(): Promise<void>;
}

/** Does this as the only reset there is. */
export async function aloneResetting<T>(turn: ResetTurn, work: (held: HeldReset) => Promise<T>): Promise<T> {
  const lease = { name: RESET_LEASE, holder: turn.holder };
  const held = new HeldLease(lease, turn, await take(lease, turn));
  try {
    return await untilLost(work(held), held.signal);
  } catch (error) {
    // Whatever failed after it, this is why.
    throw held.signal.aborted || error instanceof LeaseLostError ? lost(error) : error;
  } finally {
    held.letGo();
    await within(RELEASE_MS, turn.leases.release(lease), () => undefined).catch(() => {});
  }
}

/** What it gives, or an error as soon as the turn is lost: what Postgres never answers must not keep a person waiting. */
async function untilLost<T>(work: Promise<T>, lost: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const onLost = () => reject(new LeaseLostError(`the lease "${RESET_LEASE}" was lost`));
  lost.addEventListener("abort", onLost, { once: true });
  if (lost.aborted) onLost();
  work.catch(() => {});
  promise.catch(() => {});
  try {
    return await Promise.race([work, promise]);
  } finally {
    lost.removeEventListener("abort", onLost);
  }
}

/** Returns when it was asked for, in monotonic milliseconds. */
async function take(lease: Lease, { leases, clock, patience }: ResetTurn): Promise<number> {
  const deadline = clock.deadline(patience?.ms ?? 0);
  for (let told = false; ; told = true) {
    const askedAt = clock.now();
    if (await leases.acquire(lease, LEASE_MS)) return askedAt;
    const other = (await leases.holderOf(RESET_LEASE)) ?? "just over";
    if (!patience || deadline.aborted) {
      throw new UserError(
        `another reset is under way (${other}): let it finish; one that was killed counts for ${LEASE_MS / 1_000} s`,
      );
    }
    if (!told) patience.say(`another reset is under way (${other}): waiting for its end`);
    await clock.sleep(POLL_MS, deadline).catch(() => {});
  }
}

const lost = (cause: unknown) =>
  new UserError(
    `this reset stood still or was without Postgres for ${LEASE_MS / 1_000} s, so another may have begun: it has ended and touches nothing more; "npm run kafka:reset -- --if-cluster-changed" does what is left to do, if anything`,
    1,
    { cause },
  );

/** Renews the lease while it lasts, and knows it as lost when that was refused, or did not succeed for its length. */
class HeldLease implements HeldReset {
  readonly #turn: ResetTurn;
  readonly #lost = new AbortController();
  readonly #letGo = new AbortController();
  readonly #stopRenewing: () => void;
  /** When the last renewal that succeeded was asked for. */
  #renewedAt: number;

  constructor(
    readonly lease: Lease,
    turn: ResetTurn,
    takenAt: number,
  ) {
    this.#turn = turn;
    this.#renewedAt = takenAt;
    // A renewal that fails is tried again; the lease outlasts two of them.
    this.#stopRenewing = turn.clock.every(RENEW_MS, () => void this.#renew().catch(() => {}));
    void this.#watch().catch(() => {});
  }

  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  async confirm(): Promise<void> {
    await this.#renew();
    if (this.signal.aborted) throw new LeaseLostError(`the lease "${this.lease.name}" was lost`);
  }

  letGo(): void {
    this.#stopRenewing();
    this.#letGo.abort();
  }

  async #renew(): Promise<void> {
    const askedAt = this.#turn.clock.now();
    if (await this.#turn.leases.renew(this.lease, LEASE_MS)) this.#renewedAt = Math.max(this.#renewedAt, askedAt);
    else this.#lost.abort();
    // Frozen while the answer was on its way: it says nothing of now.
    if (this.#leftMs() <= 0) this.#lost.abort();
  }

  async #watch(): Promise<void> {
    for (let left = this.#leftMs(); left > 0; left = this.#leftMs()) {
      await this.#turn.clock.sleep(left, this.#letGo.signal);
    }
    this.#lost.abort();
  }

  #leftMs(): number {
    return this.#renewedAt + LEASE_MS - this.#turn.clock.now();
  }
}
