import { drainMicrotasks } from "bun:jsc";
import type { Clock } from "../../src/engine/clock.ts";
import { type Timer, Timers } from "./timers.ts";

/** Lets the machine's own loop have a turn as well. */
export const breathe = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A process of the simulated machines. Killed, it stops dead: what it was waiting for never comes. */
export class SimProcess {
  alive = true;
  /** Nothing of it runs before this (simulated) time: a long garbage collection, a suspended laptop. */
  frozenUntil = 0;
  /** How wrong its wall clock is, in milliseconds. */
  skewMs = 0;
  /** Await points that it has gone on from. */
  points = 0;
  /** Called before it goes on from an await point, and may end it there. */
  beforePoint: () => void = () => {};
  readonly #connections = new Set<() => void>();

  constructor(readonly name: string) {}

  /** Calls back when the process' connections break; returns how to stop listening. */
  onDisconnect(run: () => void): () => void {
    this.#connections.add(run);
    return () => this.#connections.delete(run);
  }

  /** `kill -9`. */
  kill(): void {
    this.alive = false;
    this.#disconnect();
  }

  /** Nothing of it runs until then; servers give its connections up meanwhile, which it learns when it goes on. */
  freeze(until: number): void {
    this.frozenUntil = until;
    this.#disconnect();
  }

  #disconnect(): void {
    const open = [...this.#connections];
    this.#connections.clear();
    for (const close of open) close();
  }
}

interface Ready {
  readonly process: SimProcess;
  readonly resume: () => void;
}

/** At most this much passes while something is ready to run, in milliseconds. */
const STEP_MS = 4;
const EPOCH_MS = Date.UTC(2026, 0, 1);

/**
 * All that happens in a simulation, one thing at a time in an order that the seed chooses: whoever asks for a `point`
 * goes on when it is picked, and time is whatever the scheduler says. Nothing real is waited for, so the same seed
 * always gives the same run.
 */
export class Scheduler {
  #now = 0;
  #ready: Ready[] = [];
  readonly #timers = new Timers();
  readonly #deadlines: AbortController[] = [];
  steps = 0;

  constructor(readonly random: () => number) {}

  get now(): number {
    return this.#now;
  }

  /** An await point: the process goes on whenever the scheduler picks it, or never if it dies before. */
  point(process: SimProcess): Promise<void> {
    return new Promise((resume) => this.#ready.push({ process, resume }));
  }

  /** A whole number from 0 to below `limit`. */
  below(limit: number): number {
    return Math.floor(this.random() * limit);
  }

  chance(probability: number): boolean {
    return this.random() < probability;
  }

  /** Time as one process knows it. */
  clock(process: SimProcess): Clock {
    return {
      now: () => this.#now,
      date: () => new Date(EPOCH_MS + this.#now + process.skewMs),
      sleep: (ms, signal) => this.#sleep(process, ms, signal),
      deadline: (ms) => {
        const late = new AbortController();
        this.#deadlines.push(late);
        this.after(process, ms, () => late.abort());
        return late.signal;
      },
      every: (ms, run) => this.#every(process, ms, run),
    };
  }

  /** Calls back once so much time is over, unless the process is dead by then; returns how to take that back. */
  after(process: SimProcess, ms: number, fire: () => void): () => void {
    const timer: Timer = { at: this.#now + Math.max(0, ms), process, fire, cancelled: false };
    this.#timers.add(timer);
    return () => {
      timer.cancelled = true;
    };
  }

  /** Runs until `done`, or until so much time is over; returns which. `settled`: waits until what a step set off has run. */
  async run(done: () => boolean, limitMs: number, settled?: () => Promise<void>): Promise<"done" | "late"> {
    const end = this.#now + limitMs;
    while (!done()) {
      if (this.#now > end) return "late";
      if (!this.#step()) return "late";
      // What the step set off runs to its next point: promises, never anything real. Waiting for a turn of the machine's
      // own loop would take as long as the step.
      if (settled) await settled();
      else drainMicrotasks();
    }
    return "done";
  }

  /** Lets go of deadlines: signals with listeners, unlike other garbage, stay in memory until they are aborted. */
  [Symbol.dispose](): void {
    for (const late of this.#deadlines) late.abort();
  }

  /** False when nothing is left that could ever happen. */
  #step(): boolean {
    this.steps += 1;
    const picked = this.#pick();
    if (!picked) return this.#jump();
    this.#now += this.random() * STEP_MS;
    if (this.#fireDue()) {
      this.#ready.push(picked);
      return true;
    }
    const { process, resume } = picked;
    process.points += 1;
    process.beforePoint();
    if (process.alive) resume();
    return true;
  }

  /** Takes out one of those that may go on; the dead never will, and the frozen not yet. */
  #pick(): Ready | null {
    for (let tries = 0; tries < 4 && this.#ready.length > 0; tries += 1) {
      const index = this.below(this.#ready.length);
      const one = this.#ready[index];
      if (!one) return null;
      if (one.process.alive && one.process.frozenUntil > this.#now) continue;
      this.#remove(index);
      if (one.process.alive) return one;
    }
    this.#ready = this.#ready.filter(({ process }) => process.alive);
    const first = this.#ready.findIndex(({ process }) => process.frozenUntil <= this.#now);
    const found = this.#ready[first] ?? null;
    if (found) this.#remove(first);
    return found;
  }

  #remove(index: number): void {
    const last = this.#ready.pop();
    if (last && index < this.#ready.length) this.#ready[index] = last;
  }

  /** To the next moment at which anything happens. */
  #jump(): boolean {
    let next = this.#timers.next;
    for (const { process } of this.#ready) if (process.frozenUntil < next) next = process.frozenUntil;
    if (next === Number.POSITIVE_INFINITY) return false;
    this.#now = Math.max(this.#now, next);
    this.#fireDue();
    return true;
  }

  #fireDue(): boolean {
    const due = this.#timers.due(this.#now);
    for (const timer of due) this.#fire(timer);
    return due.length > 0;
  }

  /** A frozen process' timers go off when it thaws. */
  #fire(timer: Timer): void {
    const { process, fire, cancelled } = timer;
    if (!process.alive || cancelled) return;
    if (process.frozenUntil > this.#now) {
      timer.at = process.frozenUntil;
      this.#timers.add(timer);
    } else fire();
  }

  #sleep(process: SimProcess, ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const cancel = this.after(process, ms, () => {
        signal.removeEventListener("abort", onAbort);
        resolve();
      });
      const onAbort = () => {
        cancel();
        reject(signal.reason);
      };
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }

  #every(process: SimProcess, ms: number, run: () => void): () => void {
    let cancel = () => {};
    const next = () => {
      cancel = this.after(process, ms, () => {
        next();
        run();
      });
    };
    next();
    return () => cancel();
  }
}
