import type { StoredEvent } from "../../src/engine/event.ts";
import type { DeadRecord, FailedAgain, ParkedEvent } from "../../src/engine/store.ts";
import type { Surroundings } from "./surroundings.ts";
import { Table } from "./table.ts";

/** A record that was set aside, and what was decided about it. */
export interface SetAside extends DeadRecord {
  status: "open" | "redriven" | "discarded";
  tries: number;
  unrouted: boolean;
  /** When somebody last decided about it; null: nobody has. */
  decidedAt: string | null;
}

const NEW = { status: "open", tries: 0, unrouted: false, decidedAt: null } as const;

/** A try to handle a record: so many came before it. */
interface Try {
  readonly id: string;
  readonly tries: number;
  readonly at: string;
}

/** Of a new record that the router cannot read: applied, until the materializer says that it cannot. */
const UNROUTED = { status: "redriven", unrouted: true } as const;

/** Whether something is yet to be done about a record. */
export const isOpen = ({ status, unrouted }: SetAside): boolean => status === "open" || unrouted;

/** What is wrong now, where the materializer finds nothing wrong. */
function blame({ status }: SetAside, { stage, error, errorClass }: FailedAgain): Partial<SetAside> {
  return status === "redriven" ? { stage, error, errorClass } : {};
}

/** The materializer counts the try where it has an answer to give itself. */
function triedByRouter(record: SetAside, tries: number): number {
  return record.status === "redriven" ? Math.max(record.tries, tries + 1) : record.tries;
}

/** Records that nobody could read and events that wait for others, each change a part of the running transaction. */
export class MemorySetAside {
  readonly records = new Table<SetAside>();
  readonly parked = new Table<ParkedEvent>();

  constructor(readonly around: Surroundings) {}

  put(records: readonly DeadRecord[]): void {
    for (const record of records) {
      const known = this.records.get(record.id);
      if (!known) this.records.set(record.id, { ...record, ...NEW }, this.around.undo());
      else if (known.status === "redriven") {
        const { stage, error, errorClass } = record;
        this.#decide(record.id, { status: "open", stage, error, errorClass });
      }
    }
  }

  putUnrouted(records: readonly DeadRecord[]): void {
    for (const record of records) {
      const known = this.records.get(record.id);
      if (!known) this.records.set(record.id, { ...record, ...NEW, ...UNROUTED }, this.around.undo());
      else if (known.status !== "discarded") this.#decide(record.id, { unrouted: true, ...blame(known, record) });
    }
  }

  /** It was handled at last, `tries` being what the reader knew. */
  healed({ id, tries, at }: Try): void {
    const record = this.records.get(id);
    const ours = record?.tries === tries && record.status !== "redriven";
    if (ours || (record?.tries === tries + 1 && record.status === "open"))
      this.#decide(id, { status: "redriven", tries: tries + 1, decidedAt: at });
  }

  failedAgain({ id, tries, at }: Try, failure: Partial<SetAside>): void {
    const record = this.records.get(id);
    if (record?.tries === tries && record.status !== "redriven")
      this.#decide(id, { ...failure, status: "open", tries: tries + 1, decidedAt: at });
  }

  discard(acts: readonly Try[]): void {
    for (const { id, tries, at } of acts) {
      const record = this.records.get(id);
      if (record?.tries === tries && isOpen(record))
        this.#decide(id, { status: "discarded", unrouted: false, decidedAt: at });
    }
  }

  routed({ id, tries, at }: Try): void {
    const record = this.records.get(id);
    if (record?.unrouted) this.#decide(id, { unrouted: false, tries: triedByRouter(record, tries), decidedAt: at });
  }

  unroutedAgain({ id, tries, at }: Try, failure: FailedAgain): void {
    const record = this.records.get(id);
    if (!record) return;
    const discardedSince = record.tries !== tries || (record.decidedAt ?? "") > at;
    if (record.status === "discarded" && discardedSince) return;
    this.#decide(id, {
      unrouted: true,
      tries: triedByRouter(record, tries),
      decidedAt: at,
      ...blame(record, failure),
    });
  }

  park(events: readonly ParkedEvent[]): void {
    for (const one of events) {
      const key = `${one.projection}/${one.event.id}`;
      if (!this.parked.get(key)) this.parked.set(key, one, this.around.undo());
    }
  }

  /** Which of these subjects something waits for. */
  awaited(projection: string, subjectIds: readonly string[]): string[] {
    const parked = this.parked.where((one) => one.projection === projection);
    return subjectIds.filter((id) => parked.some(({ waitsFor }) => waitsFor === id));
  }

  /** Takes out what waited for these subjects, in the ledger's order. */
  take(projection: string, subjectIds: readonly string[]): StoredEvent[] {
    const found = this.parked.where((one) => one.projection === projection && subjectIds.includes(one.waitsFor));
    for (const one of found) this.parked.delete(`${one.projection}/${one.event.id}`, this.around.undo());
    return found.map((one) => one.event).sort((a, b) => (a.position ?? 0) - (b.position ?? 0));
  }

  #decide(id: string, changes: Partial<SetAside>): void {
    const record = this.records.get(id);
    if (record) this.records.set(id, { ...record, ...changes }, this.around.undo());
  }
}
