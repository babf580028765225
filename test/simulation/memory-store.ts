import { EnvironmentError, LeaseLostError, StaleOwnerError } from "../../src/engine/errors.ts";
import type { Payload, StoredEvent } from "../../src/engine/event.ts";
import { positionKey, type RecordPosition } from "../../src/engine/log.ts";
import type {
  DeadRecord,
  GroupPosition,
  KnownLog,
  Lease,
  LedgerRow,
  OutboxRow,
  ParkedEvent,
  SentRow,
  SentState,
  Store,
  StoreTx,
  Wake,
} from "../../src/engine/store.ts";
import { expiredFailure } from "../../src/engine/work-failed.ts";
import { isoAt, MemoryWork, toAccepted } from "./memory-work.ts";
import type { Scheduler, SimProcess } from "./scheduler.ts";
import { type Rows, Table, type Undo } from "./table.ts";

/** How the simulated Postgres misbehaves; each is a probability. */
export interface StoreFaults {
  /** The connection breaks before anything was done. */
  refused: number;
  /** COMMIT was carried out, its answer lost. */
  commitAnswerLost: number;
  down: boolean;
}

export interface LedgerEntry extends StoredEvent {
  position: number;
  published: boolean;
  sentTo: RecordPosition | null;
}

/** A record that was set aside, and what was decided about it. */
export interface SetAside extends DeadRecord {
  status: "open" | "redriven" | "discarded";
  tries: number;
}

interface LeaseEntry {
  holder: string;
  expiresAt: number;
}

/** What a simulated projection writes with: tables of its own, undone with the transaction. */
export interface SimSql {
  table<V>(name: string): Rows<V>;
}

export type SimTx = StoreTx<SimSql>;
/** What a mutant may change about a transaction. */
export type TxWrapper = (tx: SimTx) => SimTx;

const LATE_CHECK_MS = 500;
const EMPTY_BATCH = { ids: [] as readonly string[], highWater: 0, generation: 1 };

/**
 * A database that keeps transactions: what one wrote is undone when its process dies or its work fails. Transactions
 * run one after the other, in an order that the seed chooses. It mirrors the statements of the Postgres adapter.
 */
export class MemoryDatabase {
  readonly faults: StoreFaults = { refused: 0, commitAnswerLost: 0, down: false };
  readonly events = new Table<LedgerEntry>();
  readonly registry = new MemoryWork({
    now: () => this.#now,
    undo: () => this.#undo,
    notify: () => this.notify("work"),
  });
  readonly work = this.registry.table;
  readonly deadLetters = new Table<SetAside>();
  readonly parked = new Table<ParkedEvent>();
  readonly positions = new Table<GroupPosition & { group: string; at: string }>();
  readonly leases = new Table<LeaseEntry>();
  readonly outbox = new Table<typeof EMPTY_BATCH>();
  readonly identity = new Table<KnownLog>();
  /** Dead letters that are being sent: where their topic ended before. */
  readonly unmarked = new Table<ReadonlyMap<string, number>>();
  /** Writes of a consumer that had given its partition up when it began with them. */
  readonly staleWrites = new Table<string>();
  readonly givenBack = this.registry.givenBack;
  readonly #state = new Map<string, Table<unknown>>();
  readonly #listeners = new Set<{ channel: string; process: SimProcess; wake: () => void }>();
  #sequence = 0;
  #queue: { process: SimProcess; resume: (isOurs: boolean) => void }[] = [];
  #busy = false;
  #undo: Undo[] = [];
  /** Set by a mutant: changes what a transaction does. */
  wrapTx: TxWrapper = (tx) => tx;
  /** Set by a mutant: leases fence nothing. */
  fenced = true;
  /** Unset by a mutant: whoever wants to moves a position, wherever it is. */
  comparesPositions = true;

  /** How wrong its wall clock is, in milliseconds. */
  skewMs = 0;
  /** The step at which a process gave a partition up; infinite: it has it. */
  givenUpAt: (process: SimProcess, group: string, at: string) => number = () => Number.POSITIVE_INFINITY;

  constructor(readonly scheduler: Scheduler) {}

  /** A projection's table, as everybody sees it. */
  table<V>(name: string): Table<V> {
    let table = this.#state.get(name);
    if (!table) {
      table = new Table<unknown>();
      this.#state.set(name, table);
    }
    return table as Table<V>;
  }

  /** The next position: taken on insert, whenever the row is committed. */
  nextPosition(): number {
    this.#sequence += 1;
    return this.#sequence;
  }

  /** Inserts as another program's own transaction does, with a position that it took earlier. */
  insert(row: LedgerRow, position: number): void {
    if (this.events.get(row.id)) return;
    this.events.set(row.id, toEntry(row, position, this.#now));
    this.notify("events");
  }

  notify(channel: string): void {
    for (const listener of this.#listeners) if (listener.channel === channel && listener.process.alive) listener.wake();
  }

  /** The database as one process sees it. */
  storeFor(process: SimProcess): Store<SimSql> {
    const alone = <T>(work: () => T) => this.#transact(process, async () => work());
    return {
      transaction: (work) => {
        const begunAt = this.scheduler.steps;
        return this.#transact(process, () => work(this.wrapTx(this.#tx(process, begunAt))));
      },
      positions: { load: (group, partitions) => alone(() => this.#loadPositions(group, partitions)) },
      ledger: {
        find: (ids) => alone(() => ids.flatMap((id) => this.events.get(id) ?? [])),
        ofSubject: (subjectId) => alone(() => this.inOrder().filter((event) => event.subjectId === subjectId)),
      },
      leases: {
        acquire: (lease, ttlMs) => alone(() => this.#acquire(lease, ttlMs)),
        release: ({ name, holder }) =>
          alone(() => {
            if (this.leases.get(name)?.holder === holder) this.leases.delete(name, this.#undo);
          }),
        holderOf: (name) =>
          alone(() => {
            const held = this.leases.get(name);
            return held && held.expiresAt >= this.scheduler.now ? held.holder : null;
          }),
      },
      outbox: {
        next: (lease, limit, sent) => alone(() => this.#nextOutbox(lease, limit, sent)),
        setAside: async (_lease, row) => {
          throw new Error(`no event is too large here, nor is ${row.id}`);
        },
        pending: () => alone(() => this.inOrder().filter((event) => !event.published).length),
      },
      schedule: {
        due: (limit, closed) => alone(() => this.registry.due(limit, closed)),
        giveUp: async (_lease, { id }) => {
          throw new Error(`no message is too large here, nor is that of ${id}`);
        },
        markQueued: (lease, sent) =>
          alone(() => {
            this.#requireLease(lease);
            this.registry.markQueued(sent);
          }),
        deadUnsent: (limit) => alone(() => this.registry.deadUnsent(limit)),
        unmarkedFrom: () => alone(() => this.unmarked.get("from") ?? null),
        beginDeadLetters: (lease, from) =>
          alone(() => {
            this.#requireLease(lease);
            this.unmarked.set("from", from, this.#undo);
          }),
        markDeadSent: (lease, letters) =>
          alone(() => {
            this.#requireLease(lease);
            this.registry.markDeadSent(letters);
            this.unmarked.delete("from", this.#undo);
          }),
        renew: (attempts, leaseMs) => alone(() => this.registry.renew(attempts, leaseMs)),
        sweep: (lease) => alone(() => this.#sweep(lease)),
        nextDueInMs: () => alone(() => this.registry.nextDueInMs()),
      },
      catalog: { unsent: async () => [], markSent: async () => {}, mostUsed: async () => [] },
      forwarding: {
        knownIdentity: () => alone(() => this.identity.get("log") ?? null),
        noteIdentity: (identity) => alone(() => this.identity.set("log", identity, this.#undo)),
        sentState: () => alone(() => this.#sentState()),
        startOver: (identity) => alone(() => this.#startOver(identity)),
        resetUnderWay: async () => new Map(),
        beginReset: async () => {},
      },
      wake: this.#wakeFor(process),
    };
  }

  /** No transaction is open: what the tables hold is committed. */
  get quiet(): boolean {
    return !this.#busy;
  }

  /** All events, as the ledger orders them. */
  inOrder(): LedgerEntry[] {
    return byPosition(this.events.values());
  }

  get #now(): number {
    return this.scheduler.now + this.skewMs;
  }

  get #generation(): number {
    return this.outbox.get("batch")?.generation ?? EMPTY_BATCH.generation;
  }

  #wakeFor(process: SimProcess): Wake {
    return {
      listen: async (channel, wake, signal) => {
        const listener = { channel, process, wake };
        this.#listeners.add(listener);
        signal.addEventListener("abort", () => this.#listeners.delete(listener), { once: true });
      },
    };
  }

  /** One transaction, alone. Whatever ends it early, its process' death included, undoes what it wrote. */
  async #transact<T>(process: SimProcess, work: () => Promise<T>): Promise<T> {
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

  /** `begunAt`: the step at which it was asked for. */
  #tx(process: SimProcess, begunAt: number): SimTx {
    const undo = this.#undo;
    /** Every statement is a moment at which the process may die. */
    const statement = async <T>(run: () => T): Promise<T> => {
      await this.scheduler.point(process);
      this.#requireOpen(undo);
      return run();
    };
    return {
      sql: { table: (name) => this.table<never>(name).within(undo, () => this.#requireOpen(undo)) as never },
      positions: {
        advance: (group, partition, from, to) =>
          statement(() => {
            const at = positionKey(partition);
            this.#advance(group, at, from, to);
            if (this.givenUpAt(process, group, at) < begunAt)
              this.staleWrites.set(`${group}/${at}/${begunAt}`, `${process.name} moved ${group} on ${at}`, undo);
          }),
      },
      ledger: {
        append: (rows) => statement(() => this.#appendRows(rows)),
        confirm: (ids) =>
          statement(() => ({
            generation: this.#generation,
            positions: new Map(ids.flatMap((id) => toPair(id, this.events.get(id)?.position))),
            settled: new Set(),
          })),
        holds: (ids) => statement(() => new Set(ids.filter((id) => this.events.get(id)))),
        payloadsOf: (ids) => statement(() => new Map(ids.flatMap((id) => toPair(id, this.events.get(id)?.payload)))),
        find: (ids) => statement(() => this.inOrder().filter(({ id }) => ids.includes(id))),
        stretch: (subjectId, from, to, limit) =>
          statement(() =>
            this.inOrder()
              .filter((event) => event.subjectId === subjectId && event.position >= from && event.position <= to)
              .filter((event) => this.#hasItsPlace(event))
              .slice(0, limit),
          ),
      },
      work: {
        claim: (work) => statement(() => this.registry.claim(work)),
        settle: (verdicts) => statement(() => this.registry.settle(verdicts)),
        accept: (attempts, leaseMs, agent) => statement(() => this.registry.accept(attempts, leaseMs, agent)),
        finish: (id, attempt, outcome, error, errorClass) =>
          statement(() => this.registry.finish({ id, attempt }, outcome, error, errorClass)),
        postpone: (id, attempt, afterMs, error, errorClass) =>
          statement(() => this.registry.postpone({ id, attempt }, afterMs, error, errorClass)),
        release: (attempts) => statement(() => this.registry.release(attempts)),
        redrive: (acts) => statement(() => this.registry.redrive(acts)),
        discard: (acts) => statement(() => this.registry.discard(acts)),
      },
      deadLetters: {
        put: (records) => statement(() => this.#setAside(records)),
        find: (ids) => statement(() => ids.flatMap((id) => this.deadLetters.get(id) ?? [])),
        // No event of a simulation is of a newer version.
        tooNew: async () => [],
        healed: ({ id, tries }) =>
          statement(() => {
            const record = this.deadLetters.get(id);
            const ours = record?.tries === tries && record.status !== "redriven";
            if (ours || (record?.tries === tries + 1 && record.status === "open"))
              this.#decide(id, { status: "redriven", tries: tries + 1 });
          }),
        failedAgain: ({ id, tries }, failure) =>
          statement(() => {
            const record = this.deadLetters.get(id);
            if (record?.tries === tries && record.status !== "redriven")
              this.#decide(id, { ...failure, status: "open", tries: tries + 1 });
          }),
        discard: (acts) =>
          statement(() => {
            for (const { id, tries } of acts) {
              const record = this.deadLetters.get(id);
              if (record?.tries === tries && record.status === "open") this.#decide(id, { status: "discarded" });
            }
          }),
      },
      parked: {
        hold: () => statement(() => {}),
        put: (events) =>
          statement(() => {
            for (const one of events) {
              const key = `${one.projection}/${one.event.id}`;
              if (!this.parked.get(key)) this.parked.set(key, one, undo);
            }
          }),
        awaited: (projection, subjectIds) => statement(() => this.#awaited(projection, subjectIds)),
        take: (projection, subjectIds) => statement(() => this.#takeParked(projection, subjectIds)),
      },
      savepoint: async (work) => {
        const mark = undo.length;
        try {
          return await work(this.#tx(process, begunAt));
        } catch (error) {
          this.#requireOpen(undo);
          for (const back of undo.splice(mark).reverse()) back();
          throw error;
        }
      },
    };
  }

  #requireOpen(undo: Undo[]): void {
    if (this.#undo !== undo || this.faults.down) throw lost("closed the connection");
  }

  #loadPositions(group: string, partitions: readonly { topic: string; partition: number; topicId: string }[]) {
    return new Map(
      partitions.flatMap((partition) => {
        const at = positionKey(partition);
        const known = this.positions.get(`${group}/${at}`);
        return known && known.topicId === partition.topicId ? [[at, known] as const] : [];
      }),
    );
  }

  #advance(group: string, at: string, from: GroupPosition | null, to: GroupPosition): void {
    const key = `${group}/${at}`;
    const now = this.positions.get(key);
    const inUse = now && this.identity.get("log")?.topicIds.get(at.slice(0, at.lastIndexOf(":"))) === now.topicId;
    const moved = now?.topicId === to.topicId ? now.lastOffset !== from?.lastOffset : inUse;
    if (this.comparesPositions && (now ? moved : from)) {
      throw new StaleOwnerError(`${group} was moved on ${at} by another member`);
    }
    this.positions.set(key, { ...to, group, at }, this.#undo);
  }

  #appendRows(rows: readonly LedgerRow[]): string[] {
    const fresh = rows.filter(({ id }) => !this.events.get(id));
    for (const row of fresh) {
      this.events.set(row.id, toEntry(row, this.nextPosition(), this.#now), this.#undo);
    }
    if (fresh.length > 0) this.notify("events");
    return fresh.map(({ id }) => id);
  }

  #setAside(records: readonly DeadRecord[]): void {
    for (const record of records) {
      const known = this.deadLetters.get(record.id);
      if (!known) this.deadLetters.set(record.id, { ...record, status: "open", tries: 0 }, this.#undo);
      else if (known.status === "redriven") this.#decide(record.id, { status: "open", error: record.error });
    }
  }

  #decide(id: string, changes: Partial<SetAside>): void {
    const record = this.deadLetters.get(id);
    if (record) this.deadLetters.set(id, { ...record, ...changes }, this.#undo);
  }

  #awaited(projection: string, subjectIds: readonly string[]): string[] {
    const parked = this.parked.where((one) => one.projection === projection);
    return subjectIds.filter((id) => parked.some(({ waitsFor }) => waitsFor === id));
  }

  #takeParked(projection: string, subjectIds: readonly string[]): StoredEvent[] {
    const found = this.parked.where((one) => one.projection === projection && subjectIds.includes(one.waitsFor));
    for (const one of found) this.parked.delete(`${one.projection}/${one.event.id}`, this.#undo);
    return found.map((one) => one.event).sort((a, b) => (a.position ?? 0) - (b.position ?? 0));
  }

  #acquire({ name, holder }: Lease, ttlMs: number): boolean {
    const held = this.leases.get(name);
    if (held && held.holder !== holder && held.expiresAt >= this.#now) return false;
    this.leases.set(name, { holder, expiresAt: this.#now + ttlMs }, this.#undo);
    return true;
  }

  #requireLease({ name, holder }: Lease): void {
    if (this.fenced && this.leases.get(name)?.holder !== holder)
      throw new LeaseLostError(`the lease "${name}" is gone`);
  }

  #nextLateCheck = 0;

  #nextOutbox(lease: Lease, limit: number, sent: readonly SentRow[]): OutboxRow[] {
    this.#requireLease(lease);
    for (const { id, position } of sent) this.#updateEvent(id, { published: true, sentTo: position });
    const before = this.outbox.get("batch") ?? EMPTY_BATCH;
    const batch = sent.length > 0 ? { ...before, ids: [] } : before;
    this.outbox.set("batch", batch, this.#undo);
    if (batch.ids.length > 0) return this.#outboxRows(batch.ids);
    const isLate = (event: LedgerEntry) => event.position <= batch.highWater && !event.sentTo;
    const waiting = (fits: (event: LedgerEntry) => boolean) =>
      byPosition(this.events.where((event) => !event.published && fits(event)));
    if (this.scheduler.now >= this.#nextLateCheck) {
      this.#nextLateCheck = this.scheduler.now + LATE_CHECK_MS;
      for (const event of waiting(isLate)) this.#updateEvent(event.id, { position: this.nextPosition() });
    }
    const chosen = waiting((event) => !isLate(event)).slice(0, limit);
    const highWater = Math.max(batch.highWater, chosen.at(-1)?.position ?? 0);
    this.outbox.set("batch", { ...batch, ids: chosen.map(({ id }) => id), highWater }, this.#undo);
    return this.#outboxRows(chosen.map(({ id }) => id));
  }

  /** One that committed late may still be moved behind what was sent. */
  #hasItsPlace({ id, published, sentTo }: LedgerEntry): boolean {
    return published || sentTo !== null || (this.outbox.get("batch")?.ids.includes(id) ?? false);
  }

  #outboxRows(ids: readonly string[]): OutboxRow[] {
    return ids
      .flatMap((id) => this.events.get(id) ?? [])
      .sort((a, b) => a.position - b.position)
      .map((event) => ({
        id: event.id,
        position: event.position,
        key: event.subjectId,
        value: JSON.stringify(toRecordValue(event)),
        headers: { event_type: event.type, source: event.source, generation: String(this.#generation) },
      }));
  }

  #sweep(lease: Lease): { expired: number; lost: number } {
    this.#requireLease(lease);
    const expired = this.registry.expire();
    for (const work of expired)
      this.#appendRows([expiredFailure(toAccepted(work), work.agent ?? "unknown", isoAt(this.#now))]);
    const lostWork = this.registry.where(({ status, type, queuedAt }) => {
      if (status !== "queued" || !queuedAt) return false;
      const at = positionKey({ topic: `work.${type}`, partition: queuedAt.partition });
      return this.positions.values().some((position) => position.at === at && queuedAt.offset <= position.lastOffset);
    });
    for (const { id } of lostWork) this.registry.update(id, { status: "pending", nextAttemptAt: this.#now });
    return { expired: expired.length, lost: lostWork.length };
  }

  #sentState(): SentState {
    const known = this.identity.get("log")?.topicIds ?? new Map<string, string>();
    const acknowledged = new Map<string, number>();
    const reach = (at: string, offset: number) => acknowledged.set(at, Math.max(offset, acknowledged.get(at) ?? -1));
    for (const { published, sentTo } of this.events.values()) {
      if (published && sentTo) reach(positionKey(sentTo), sentTo.offset);
    }
    for (const { queuedAt } of this.registry.where(({ status }) => status === "queued")) {
      if (queuedAt) reach(positionKey(queuedAt), queuedAt.offset);
    }
    const places = this.positions.values().flatMap(({ group, at, lastOffset, topicId }) => {
      const cut = at.lastIndexOf(":");
      const topic = at.slice(0, cut);
      return known.get(topic) === topicId ? [{ group, topic, partition: Number(at.slice(cut + 1)), lastOffset }] : [];
    });
    return { acknowledged, places };
  }

  #startOver(identity: KnownLog): number {
    for (const name of ["relay", "dispatcher", "catalog"]) this.leases.delete(name, this.#undo);
    for (const { group, at } of this.positions.values()) this.positions.delete(`${group}/${at}`, this.#undo);
    this.outbox.set("batch", { ids: [], highWater: 0, generation: this.#generation + 1 }, this.#undo);
    const published = this.inOrder().filter((event) => event.published);
    for (const { id } of published) this.#updateEvent(id, { published: false });
    for (const { id, status } of this.work.values()) {
      if (status === "queued") this.registry.update(id, { status: "pending", nextAttemptAt: this.#now });
      if (status === "dead" || status === "discarded") this.registry.update(id, { deadLetterSent: false });
    }
    this.unmarked.set("from", new Map(), this.#undo);
    this.identity.set("log", identity, this.#undo);
    this.notify("events");
    return published.length;
  }

  #updateEvent(id: string, changes: Partial<LedgerEntry>): void {
    const event = this.events.get(id);
    if (event) this.events.set(id, { ...event, ...changes }, this.#undo);
  }
}

function lost(what: string): EnvironmentError {
  return new EnvironmentError(`Postgres ${what}`);
}

function toPair<V>(key: string, value: V | undefined): [string, V][] {
  return value === undefined ? [] : [[key, value]];
}

function toEntry(row: LedgerRow, position: number, now: number): LedgerEntry {
  return { ...row, receivedAt: isoAt(now), position, published: false, sentTo: null };
}

/** A record's value, in the shape of the ledger row. */
function toRecordValue(event: LedgerEntry): Payload {
  return {
    id: event.id,
    occurred_at: event.occurredAt,
    received_at: event.receivedAt,
    source: event.source,
    subject: event.subject,
    subject_id: event.subjectId,
    event_type: event.type,
    schema_version: event.schemaVersion,
    payload: event.payload,
    correlation_id: event.correlationId,
    causation_id: event.causationId,
    position: event.position,
  };
}

function byPosition(events: readonly LedgerEntry[]): LedgerEntry[] {
  return events.toSorted((a, b) => a.position - b.position);
}
