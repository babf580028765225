import { EnvironmentError } from "../../src/engine/errors.ts";
import type { Scheduler, SimProcess } from "./scheduler.ts";
import type { Undo } from "./table.ts";

/** How the simulated Postgres misbehaves; each is a probability. */
export interface StoreFaults {
  /** The connection breaks before anything was done. */
  refused: number;
  /** COMMIT was carried out, its answer lost. */
  commitAnswerLost: number;
  down: boolean;
}

/** Transactions of a simulated database: one after the other, in an order that the seed chooses. */
export class Transactions {
  readonly faults: StoreFaults = { refused: 0, commitAnswerLost: 0, down: false };
  #queue: { process: SimProcess; resume: (isOurs: boolean) => void }[] = [];
  #busy = false;
  #undo: Undo[] = [];

  constructor(readonly scheduler: Scheduler) {}

  /** None is open: what the tables hold is committed. */
  get quiet(): boolean {
    return !this.#busy;
  }

  /** Where the one that is open notes how to take back what it writes. */
  get undo(): Undo[] {
    return this.#undo;
  }

  /** One transaction, alone. Whatever ends it early, its process' death included, undoes what it wrote. */
  async run<T>(process: SimProcess, work: () => Promise<T>): Promise<T> {
    await this.scheduler.point(process);
    if (this.faults.down || this.scheduler.chance(this.faults.refused)) throw lost("is away");
    await this.#turn(process);
    const connection = { open: true };
    const close = () => {
      if (!connection.open) return;
      connection.open = false;
      for (const undo of this.#undo.reverse()) undo();
      this.#finish();
    };
    const forget = process.onDisconnect(close);
    try {
      const result = await work();
      await this.scheduler.point(process);
      // A process that slept through its own transaction finds the connection closed; so does one whose server went.
      if (!connection.open || this.faults.down) throw lost("closed the connection");
      connection.open = false;
      this.#finish();
      if (this.scheduler.chance(this.faults.commitAnswerLost)) throw lost("did not answer COMMIT");
      return result;
    } catch (error) {
      close();
      throw error;
    } finally {
      forget();
    }
  }

  /** Waits until no other transaction runs. */
  async #turn(process: SimProcess): Promise<void> {
    while (this.#busy) {
      const isOurs = await new Promise<boolean>((resume) => this.#queue.push({ process, resume }));
      if (isOurs) break;
      await this.scheduler.point(process);
    }
    this.#busy = true;
    this.#undo = [];
  }

  /** Whoever is picked has the turn at once; those that are frozen ask again when they go on. */
  #finish(): void {
    const { now } = this.scheduler;
    if (this.#queue.some(({ process }) => !process.alive || process.frozenUntil > now)) {
      const alive = this.#queue.filter(({ process }) => process.alive);
      for (const { process, resume } of alive) if (process.frozenUntil > now) resume(false);
      this.#queue = alive.filter(({ process }) => process.frozenUntil <= now);
    }
    this.#undo = [];
    const picked = this.scheduler.below(this.#queue.length);
    const next = this.#queue[picked];
    this.#busy = next !== undefined;
    if (!next) return;
    this.#queue.splice(picked, 1);
    next.resume(true);
  }

  /** Throws where the transaction with these undos is over. */
  requireOpen(undo: Undo[]): void {
    if (this.#undo !== undo || this.faults.down) throw lost("closed the connection");
  }
}

function lost(what: string): EnvironmentError {
  return new EnvironmentError(`Postgres ${what}`);
}
