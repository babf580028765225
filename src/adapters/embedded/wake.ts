import type { Bell } from "./bell.ts";
import { CHANNEL, type LogDb } from "./database.ts";

/** How often to look without having been woken: what a notification says is only that it is worth looking now. */
const POLL_MS = { listening: 1_000, deaf: 200 };

/**
 * Rings the bells of those who wait for a signal, over one LISTEN connection for the whole log. Behind a transaction
 * pooler, which knows no LISTEN, only what happens in this process rings, and everybody polls more often.
 */
export class Wake {
  readonly pollMs: number;
  #db: LogDb;
  #canListen: boolean;
  #listens = false;
  #bells = new Map<string, Set<Bell>>();

  constructor(db: LogDb, canListen: boolean) {
    this.#db = db;
    this.#canListen = canListen;
    this.pollMs = canListen ? POLL_MS.listening : POLL_MS.deaf;
  }

  /** Rings `bell` on each of the signals, until what is returned is called. */
  on(signals: readonly string[], bell: Bell): () => void {
    this.#listen();
    for (const signal of signals) this.#bells.set(signal, (this.#bells.get(signal) ?? new Set()).add(bell));
    return () => {
      for (const signal of signals) this.#bells.get(signal)?.delete(bell);
    };
  }

  ring(signal: string): void {
    for (const bell of this.#bells.get(signal) ?? []) bell.ring();
  }

  #listen(): void {
    if (this.#listens || !this.#canListen) return;
    this.#listens = true;
    // After each reconnect too: what was notified meanwhile is looked for at once.
    const onListening = () => {
      for (const signal of this.#bells.keys()) this.ring(signal);
    };
    // With Postgres away it fails; the driver tries on, and until then polling does the waking.
    this.#db.listen(CHANNEL, (signal) => this.ring(signal), onListening).catch(() => {});
  }
}
