import { sleep } from "./sleep.ts";

/** Time, as whatever waits knows it. Handed in, so that a simulation can bring its own. */
export interface Clock {
  /** Milliseconds that only ever grow. */
  now(): number;
  /** The time of day. */
  date(): Date;
  /** Waits; rejects as soon as the signal aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** A signal that aborts once so many milliseconds are over. */
  deadline(ms: number): AbortSignal;
  /** Calls again and again, so many milliseconds apart, until what is returned is called. */
  every(ms: number, run: () => void): () => void;
}

/** The machine's own time. */
export const systemClock: Clock = {
  now: () => performance.now(),
  date: () => new Date(),
  sleep,
  deadline: (ms) => AbortSignal.timeout(ms),
  every(ms, run) {
    const timer = setInterval(run, ms);
    return () => clearInterval(timer);
  },
};
