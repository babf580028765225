import { positionKey, type RecordPosition } from "../../src/engine/log.ts";
import type { AcceptedWork, DueWork, WorkAct } from "../../src/engine/store.ts";
import type { NewWork, WorkStatus } from "../../src/engine/work.ts";
import type { Surroundings } from "./surroundings.ts";
import { Table } from "./table.ts";

/** A row of the registry of work. Times are in simulated milliseconds. */
export interface WorkEntry extends NewWork {
  status: WorkStatus;
  attempt: number;
  round: number;
  attemptsBefore: number;
  redriveAsked: boolean;
  nextAttemptAt: number;
  leaseUntil: number | null;
  agent: string | null;
  lastError: string | null;
  errorClass: string | null;
  queuedAt: RecordPosition | null;
  deadLetterSent: boolean;
  finishedAt: number;
}

/** One attempt at a piece of work. */
interface Attempt {
  readonly id: string;
  readonly attempt: number;
}

/** What becomes of an attempt that failed; without a time to try again, it was the last. */
interface Verdict extends Attempt {
  readonly error: string;
  readonly errorClass: string;
  readonly retryInMs: number | null;
}

/** The registry of work, each change a part of the running transaction. It mirrors the Postgres adapter's statements. */
export class MemoryWork {
  readonly table = new Table<WorkEntry>();
  /** How often a running attempt of each piece of work was given back, to be made again under its number. */
  readonly givenBack = new Table<number>();
  /** Unset by a mutant: work begins its next round before the dead letter of the last one is sent. */
  roundsWait = true;

  constructor(readonly around: Surroundings) {}

  where(which: (work: WorkEntry) => boolean): WorkEntry[] {
    return this.table.where(which);
  }

  claim(work: readonly NewWork[]): string[] {
    const fresh = work.filter(({ id }) => !this.table.get(id));
    for (const one of fresh) this.table.set(one.id, this.#entryOf(one), this.around.undo());
    if (fresh.length > 0) this.around.notify();
    return fresh.map(({ id }) => id);
  }

  settle(verdicts: readonly Verdict[]): number {
    let settled = 0;
    for (const { id, attempt, error, errorClass, retryInMs } of verdicts) {
      const [failed] = this.#matching([{ id, attempt }], ["failed"]);
      if (!failed) continue;
      settled += 1;
      const common = { lastError: error, errorClass, finishedAt: this.#now };
      if (retryInMs === null) this.update(id, { ...common, status: "dead" });
      else {
        const nextAttemptAt = this.#now + retryInMs;
        this.update(id, { ...common, status: "pending", attempt: attempt + 1, nextAttemptAt });
      }
    }
    if (settled > 0) this.around.notify();
    return settled;
  }

  accept(attempts: readonly Attempt[], leaseMs: number, agent: string): AcceptedWork[] {
    const leaseUntil = this.#now + leaseMs;
    // One that a message names twice is updated once, as in SQL.
    return [...new Set(this.#matching(attempts, ["pending", "queued"]))].map((work) => {
      this.update(work.id, { status: "running", agent, leaseUntil });
      return toAccepted(work);
    });
  }

  finish(one: Attempt, outcome: WorkStatus, error?: string | null, errorClass?: string | null): boolean {
    const [running] = this.#matching([one], ["running"]);
    if (!running) return false;
    const said = { lastError: error ?? running.lastError, errorClass: errorClass ?? running.errorClass };
    this.update(one.id, { status: outcome, leaseUntil: null, finishedAt: this.#now, ...said });
    return true;
  }

  postpone(one: Attempt, afterMs: number, lastError: string, errorClass: string): void {
    const nextAttemptAt = this.#now + afterMs;
    for (const { id } of this.#matching([one], ["running"]))
      this.#giveBack(id, { nextAttemptAt, lastError, errorClass });
  }

  release(attempts: readonly Attempt[]): void {
    for (const { id } of this.#matching(attempts, ["running"])) this.#giveBack(id, { nextAttemptAt: this.#now });
    this.around.notify();
  }

  renew(attempts: readonly Attempt[], leaseMs: number): void {
    const leaseUntil = this.#now + leaseMs;
    for (const { id } of this.#matching(attempts, ["running"])) this.update(id, { leaseUntil });
  }

  redrive(acts: readonly WorkAct[]): number {
    const asked = this.#inRound(acts, ["dead", "discarded", "failed"]);
    for (const { id } of asked) this.update(id, { redriveAsked: true });
    this.#beginRounds(asked.map(({ id }) => id));
    return asked.length;
  }

  discard(acts: readonly WorkAct[]): number {
    const closed = this.#inRound(acts, ["dead"]);
    for (const { id } of closed) this.update(id, { status: "discarded" });
    return closed.length;
  }

  due(limit: number, closed: readonly string[] = []): DueWork[] {
    return this.where((work) => work.status === "pending" && work.nextAttemptAt <= this.#now)
      .filter(({ type }) => !closed.includes(`work.${type}`))
      .sort((a, b) => a.nextAttemptAt - b.nextAttemptAt)
      .slice(0, limit)
      .map(toDue);
  }

  nextDueInMs(): number | null {
    const due = this.where((work) => work.status === "pending").map((work) => work.nextAttemptAt);
    return due.length === 0 ? null : Math.max(0, Math.min(...due) - this.#now);
  }

  markQueued(sent: readonly (Attempt & { position: RecordPosition })[]): void {
    for (const { id, attempt, position } of sent) {
      for (const work of this.#matching([{ id, attempt }], ["pending"]))
        this.update(work.id, { status: "queued", queuedAt: position });
    }
  }

  deadUnsent(limit: number): DueWork[] {
    return this.where((work) => isGivenUp(work) && !work.deadLetterSent)
      .slice(0, limit)
      .map(toDue);
  }

  markDeadSent(letters: readonly { id: string; round: number }[]): void {
    const isMeant = (work: WorkEntry) =>
      isGivenUp(work) && letters.some(({ id, round }) => id === work.id && round === work.round);
    const ids = this.where(isMeant).map(({ id }) => id);
    for (const id of ids) this.update(id, { deadLetterSent: true });
    this.#beginRounds(ids);
  }

  /** Ends the attempts that nobody answers for any more; returns them as they were. */
  expire(): WorkEntry[] {
    const expired = this.where((work) => work.status === "running" && (work.leaseUntil ?? 0) < this.#now);
    for (const { id } of expired) this.update(id, { status: "failed", leaseUntil: null, finishedAt: this.#now });
    return expired;
  }

  requeueDeleted(starts: ReadonlyMap<string, number>): number {
    const deleted = this.where(({ status, type, queuedAt }) => {
      if (status !== "queued" || !queuedAt) return false;
      return queuedAt.offset < (starts.get(positionKey({ topic: `work.${type}`, partition: queuedAt.partition })) ?? 0);
    });
    for (const { id } of deleted) this.update(id, { status: "pending", nextAttemptAt: this.#now });
    return deleted.length;
  }

  update(id: string, changes: Partial<WorkEntry>): void {
    const work = this.table.get(id);
    if (work) this.table.set(id, { ...work, ...changes }, this.around.undo());
  }

  get #now(): number {
    return this.around.now();
  }

  #entryOf(work: NewWork): WorkEntry {
    return {
      ...work,
      status: "pending",
      attempt: 1,
      round: 1,
      attemptsBefore: 0,
      redriveAsked: false,
      nextAttemptAt: this.#now,
      leaseUntil: null,
      agent: null,
      lastError: null,
      errorClass: null,
      queuedAt: null,
      deadLetterSent: false,
      finishedAt: 0,
    };
  }

  #matching(attempts: readonly Attempt[], statuses: readonly WorkStatus[]): WorkEntry[] {
    return attempts.flatMap(({ id, attempt }) => {
      const work = this.table.get(id);
      return work && work.attempt === attempt && statuses.includes(work.status) ? [work] : [];
    });
  }

  #inRound(acts: readonly WorkAct[], statuses: readonly WorkStatus[]): WorkEntry[] {
    return acts.flatMap(({ id, round }) => {
      const work = this.table.get(id);
      return work && work.round === round && statuses.includes(work.status) && !work.redriveAsked ? [work] : [];
    });
  }

  #beginRounds(ids: readonly string[]): void {
    for (const id of ids) {
      const work = this.table.get(id);
      if (!work?.redriveAsked) continue;
      if (this.roundsWait && !work.deadLetterSent && work.status !== "failed") continue;
      const { attempt, round } = work;
      this.update(id, { attempt: attempt + 1, attemptsBefore: attempt, round: round + 1 });
      this.update(id, { status: "pending", redriveAsked: false, deadLetterSent: false, queuedAt: null });
      this.update(id, { nextAttemptAt: this.#now });
      this.around.notify();
    }
  }

  #giveBack(id: string, changes: Partial<WorkEntry>): void {
    this.update(id, { status: "pending", leaseUntil: null, ...changes });
    this.givenBack.set(id, (this.givenBack.get(id) ?? 0) + 1, this.around.undo());
  }
}

/** Work as an agent is given it. */
export function toAccepted(work: WorkEntry): AcceptedWork {
  const { id, type, subject, subjectId, correlationId, triggeredByEventId, maxAttempts, lastError } = work;
  const { attempt, round, attemptsBefore } = work;
  const ids = { id, type, subject, subjectId, correlationId, triggeredByEventId };
  const counts = { attempt, round, attemptsBefore, maxAttempts };
  return { ...ids, ...counts, lastError, createdAt: isoAt(0), payload: work.payload };
}

/** A simulated time of day. */
export const isoAt = (ms: number) => new Date(Date.UTC(2026, 0, 1) + ms).toISOString();

const isGivenUp = ({ status }: WorkEntry) => status === "dead" || status === "discarded";

function toDue(work: WorkEntry): DueWork {
  return { ...toAccepted(work), agent: work.agent, finalError: work.lastError, failedAt: isoAt(work.finishedAt) };
}
