import { LeaseLostError, StaleOwnerError } from "../../src/engine/errors.ts";
import { positionKey } from "../../src/engine/log.ts";
import type { GroupPosition, KnownLog, Lease, SentState, Store, StoreTx, Wake } from "../../src/engine/store.ts";
import { expiredFailure } from "../../src/engine/work-failed.ts";
import { type LedgerEntry, MemoryLedger } from "./memory-ledger.ts";
import { MemorySetAside } from "./memory-set-aside.ts";
import { type StoreFaults, Transactions } from "./memory-transactions.ts";
import { isoAt, MemoryWork, toAccepted, type WorkEntry } from "./memory-work.ts";
import type { Scheduler, SimProcess } from "./scheduler.ts";
import { type Rows, Table, type Undo } from "./table.ts";

interface LeaseEntry {
  holder: string;
  expiresAt: number;
  term: number;
}

/** So long it may take until the whole ledger is to flow again. */
const START_OVER_MS = 6_000;
const FOREVER = new AbortController().signal;

/** What a simulated projection writes with: tables of its own, undone with the transaction. */
export interface SimSql {
  table<V>(name: string): Rows<V>;
}

export type SimTx = StoreTx<SimSql>;
/** What a mutant may change about a transaction. */
export type TxWrapper = (tx: SimTx) => SimTx;

/**
 * A database that keeps transactions: what one wrote is undone when its process dies or its work fails. Transactions
 * run one after the other, in an order that the seed chooses. It mirrors the statements of the Postgres adapter.
 */
export class MemoryDatabase {
  readonly faults: StoreFaults;
  readonly ledger: MemoryLedger;
  readonly events: Table<LedgerEntry>;
  readonly registry: MemoryWork;
  readonly work: Table<WorkEntry>;
  readonly setAside: MemorySetAside;
  readonly positions = new Table<GroupPosition & { group: string; at: string }>();
  readonly leases = new Table<LeaseEntry>();
  readonly identity = new Table<KnownLog>();
  /** The last dead letter in its topic, by `positionKey`. */
  readonly acknowledged = new Table<number>();
  /** Dead letters that are being sent: where their topic ended before. */
  readonly unmarked = new Table<ReadonlyMap<string, number>>();
  /** Writes of a consumer that had given its partition up when it began with them. */
  readonly staleWrites = new Table<string>();
  readonly #state = new Map<string, Table<unknown>>();
  #terms = 0;
  readonly #listeners = new Set<{ channel: string; process: SimProcess; wake: () => void }>();
  readonly #transactions: Transactions;
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

  constructor(readonly scheduler: Scheduler) {
    this.#transactions = new Transactions(scheduler);
    this.faults = this.#transactions.faults;
    const around = (channel: string) => ({
      now: () => this.#now,
      undo: () => this.#undo,
      notify: () => this.notify(channel),
    });
    this.ledger = new MemoryLedger(scheduler, around("events"));
    this.events = this.ledger.events;
    this.registry = new MemoryWork(around("work"));
    this.work = this.registry.table;
    this.setAside = new MemorySetAside(around("events"));
  }

  /** A projection's table, as everybody sees it. */
  table<V>(name: string): Table<V> {
    let table = this.#state.get(name);
    if (!table) {
      table = new Table<unknown>();
      this.#state.set(name, table);
    }
    return table as Table<V>;
  }

  notify(channel: string): void {
    for (const listener of this.#listeners) if (listener.channel === channel && listener.process.alive) listener.wake();
  }

  /** The database as one process sees it. */
  storeFor(process: SimProcess): Store<SimSql> {
    const alone = <T>(work: () => T) => this.#transactions.run(process, async () => work());
    return {
      transaction: (work) => {
        const begunAt = this.scheduler.steps;
        return this.#transactions.run(process, () => work(this.wrapTx(this.#tx(process, begunAt))));
      },
      positions: { load: (group, partitions) => alone(() => this.#loadPositions(group, partitions)) },
      ledger: {
        find: (ids) => alone(() => ids.flatMap((id) => this.events.get(id) ?? [])),
        ofSubject: (subjectId) => alone(() => this.ledger.inOrder().filter((event) => event.subjectId === subjectId)),
      },
      leases: {
        acquire: (lease, ttlMs) => alone(() => this.#acquire(lease, ttlMs)),
        renew: (lease, ttlMs) =>
          alone(() => this.leases.get(lease.name)?.holder === lease.holder && this.#acquire(lease, ttlMs) !== null),
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
        next: (lease, limit, sent) =>
          alone(() => {
            this.#requireLease(lease);
            return this.ledger.next(limit, sent);
          }),
        setAside: async (_lease, row) => {
          throw new Error(`no event is too large here, nor is ${row.id}`);
        },
        pending: () => alone(() => this.ledger.inOrder().filter((event) => !event.published).length),
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
        markDeadSent: (lease, letters, sentTo) =>
          alone(() => {
            this.#requireLease(lease);
            this.registry.markDeadSent(letters);
            for (const at of sentTo) this.acknowledged.set(positionKey(at), at.offset, this.#undo);
            this.unmarked.delete("from", this.#undo);
          }),
        resendDeadLetters: (lease) =>
          alone(() => {
            this.#requireLease(lease);
            this.#forgetLetters();
          }),
        renew: (attempts, leaseMs) => alone(() => this.registry.renew(attempts, leaseMs)),
        sweep: (lease) => alone(() => this.#sweep(lease)),
        requeueDeleted: (lease, starts) =>
          alone(() => {
            this.#requireLease(lease);
            return this.registry.requeueDeleted(starts);
          }),
        nextDueInMs: () => alone(() => this.registry.nextDueInMs()),
      },
      catalog: { unsent: async () => [], markSent: async () => {}, mostUsed: async () => [] },
      forwarding: {
        knownIdentity: () => alone(() => this.identity.get("log") ?? null),
        noteIdentity: (identity) => alone(() => this.identity.set("log", identity, this.#undo)),
        partitions: () => alone(() => this.ledger.partitions),
        sharePartitions: (lease, among) =>
          alone(() => {
            this.#requireLease(lease);
            return this.ledger.sharePartitions(among);
          }),
        acknowledgedIn: () => alone(() => new Map(this.acknowledged.entries())),
        sentState: () => alone(() => this.#sentState()),
        startOver: (lease, identity) =>
          this.#transactions.run(process, async () => {
            this.#requireLease(lease);
            const published = this.#startOver(identity);
            // Every row of the ledger is written anew, which takes longer than a lease is renewed in.
            await this.scheduler.clock(process).sleep(this.scheduler.below(START_OVER_MS), FOREVER);
            return published;
          }),
        resetUnderWay: async () => new Map(),
        beginReset: async () => {},
      },
      wake: this.#wakeFor(process),
    };
  }

  /** No transaction is open: what the tables hold is committed. */
  get quiet(): boolean {
    return this.#transactions.quiet;
  }

  get #now(): number {
    return this.scheduler.now + this.skewMs;
  }

  get #undo(): Undo[] {
    return this.#transactions.undo;
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

  /** `begunAt`: the step at which it was asked for. */
  #tx(process: SimProcess, begunAt: number): SimTx {
    const undo = this.#undo;
    /** Every statement is a moment at which the process may die. */
    const statement = async <T>(run: () => T): Promise<T> => {
      await this.scheduler.point(process);
      this.#transactions.requireOpen(undo);
      return run();
    };
    return {
      sql: {
        table: (name) => this.table<never>(name).within(undo, () => this.#transactions.requireOpen(undo)) as never,
      },
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
        append: (rows) => statement(() => this.ledger.append(rows)),
        confirm: (ids) =>
          statement(() => ({
            generation: this.ledger.generation,
            positions: new Map(ids.flatMap((id) => toPair(id, this.events.get(id)?.position))),
            settled: new Set(),
          })),
        holds: (ids) => statement(() => new Set(ids.filter((id) => this.events.get(id)))),
        payloadsOf: (ids) => statement(() => new Map(ids.flatMap((id) => toPair(id, this.events.get(id)?.payload)))),
        find: (ids) => statement(() => this.ledger.inOrder().filter(({ id }) => ids.includes(id))),
        stretch: (subjectId, from, to, limit) =>
          statement(() =>
            this.ledger
              .inOrder()
              .filter((event) => event.subjectId === subjectId && event.position >= from && event.position <= to)
              .filter((event) => this.ledger.hasItsPlace(event))
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
        put: (records) => statement(() => this.setAside.put(records)),
        putUnrouted: (records) => statement(() => this.setAside.putUnrouted(records)),
        find: (ids) => statement(() => ids.flatMap((id) => this.setAside.records.get(id) ?? [])),
        // No event of a simulation is of a newer version.
        tooNew: async () => [],
        healed: (one) => statement(() => this.setAside.healed(one)),
        failedAgain: (one, failure) => statement(() => this.setAside.failedAgain(one, failure)),
        routed: (one) => statement(() => this.setAside.routed(one)),
        unroutedAgain: (one, failure) => statement(() => this.setAside.unroutedAgain(one, failure)),
        discard: (acts) => statement(() => this.setAside.discard(acts)),
      },
      parked: {
        hold: () => statement(() => {}),
        put: (events) => statement(() => this.setAside.park(events)),
        awaited: (projection, subjectIds) => statement(() => this.setAside.awaited(projection, subjectIds)),
        take: (projection, subjectIds) => statement(() => this.setAside.take(projection, subjectIds)),
      },
      savepoint: async (work) => {
        const mark = undo.length;
        try {
          return await work(this.#tx(process, begunAt));
        } catch (error) {
          this.#transactions.requireOpen(undo);
          for (const back of undo.splice(mark).reverse()) back();
          throw error;
        }
      },
    };
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

  #acquire({ name, holder }: Lease, ttlMs: number): number | null {
    const held = this.leases.get(name);
    if (held && held.holder !== holder && held.expiresAt >= this.#now) return null;
    this.#terms += 1;
    const term = held?.holder === holder ? held.term : this.#terms;
    this.leases.set(name, { holder, expiresAt: this.#now + ttlMs, term }, this.#undo);
    return term;
  }

  #requireLease({ name, holder }: Lease): void {
    if (this.fenced && this.leases.get(name)?.holder !== holder)
      throw new LeaseLostError(`the lease "${name}" is gone`);
  }

  #sweep(lease: Lease): { expired: number; lost: number } {
    this.#requireLease(lease);
    const expired = this.registry.expire();
    for (const work of expired)
      this.ledger.append([expiredFailure(toAccepted(work), work.agent ?? "unknown", isoAt(this.#now))]);
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
    const acknowledged = new Map(this.acknowledged.entries());
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

  /** The dead-letter topic may lack what it was sent. */
  #forgetLetters(): void {
    for (const { id, status } of this.work.values())
      if (status === "dead" || status === "discarded") this.registry.update(id, { deadLetterSent: false });
    this.unmarked.set("from", new Map(), this.#undo);
  }

  #startOver(identity: KnownLog): number {
    for (const name of ["relay", "dispatcher", "catalog"]) this.leases.delete(name, this.#undo);
    for (const { group, at } of this.positions.values()) this.positions.delete(`${group}/${at}`, this.#undo);
    const published = this.ledger.startOver();
    for (const { id, status } of this.work.values()) {
      if (status === "queued") this.registry.update(id, { status: "pending", nextAttemptAt: this.#now });
    }
    this.#forgetLetters();
    for (const [key] of this.acknowledged.entries()) this.acknowledged.delete(key, this.#undo);
    this.identity.set("log", identity, this.#undo);
    this.notify("events");
    return published;
  }
}

function toPair<V>(key: string, value: V | undefined): [string, V][] {
  return value === undefined ? [] : [[key, value]];
}
