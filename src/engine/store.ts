import type { TransactionSql } from "postgres";
import type { DataError } from "./errors.ts";
import type { Payload, StoredEvent } from "./event.ts";
import type { LogIdentity, RecordPosition, TopicPartition } from "./log.ts";
import type { NewWork, Work } from "./work.ts";

/*
 * The port to the truth: `Store` is Postgres. Stages know only this, so the same stage code runs over other
 * implementations.
 */

/** What projection handlers write with: a Postgres transaction. Everything in it commits or nothing does. */
export type Sql = TransactionSql;

/**
 * How far the ledger was handled in a partition: what is at or below `position` is a repeat. It holds for one
 * generation only, as the ledger is sent in order within it and from the start in the next.
 */
export interface Watermark {
  readonly generation: number;
  readonly position: number;
}

/** How far a group is in a partition. */
export interface GroupPosition {
  readonly lastOffset: number;
  /** Null where nothing of the ledger was seen. */
  readonly watermark: Watermark | null;
  readonly topicId: string | null;
}

export interface Positions {
  /** Positions of a group that belong to the topics as they are now, by `positionKey`. */
  load(
    group: string,
    partitions: readonly (TopicPartition & { topicId: string })[],
  ): Promise<Map<string, GroupPosition>>;
}

export interface TxPositions {
  /** Moves a position; throws StaleOwnerError if somebody else moved it since `from` was read. */
  advance(group: string, partition: TopicPartition, from: GroupPosition | null, to: GroupPosition): Promise<void>;
}

export interface Ledger {
  find(ids: readonly string[]): Promise<StoredEvent[]>;
  ofSubject(subjectId: string): Promise<StoredEvent[]>;
}

export interface LedgerRow {
  readonly id: string;
  readonly occurredAt: string;
  readonly source: string;
  readonly subject: string;
  readonly subjectId: string;
  readonly type: string;
  readonly schemaVersion: number;
  readonly payload: Payload;
  readonly correlationId: string | null;
  readonly causationId: string | null;
}

/** What the ledger says of events that came through the log. */
export interface Confirmed {
  readonly generation: number;
  readonly positions: ReadonlyMap<string, number>;
  readonly settled: ReadonlySet<string>;
}

export interface TxLedger {
  /** Appends; ids already there are left as they are. Returns the ids that are new. */
  append(rows: readonly LedgerRow[]): Promise<string[]>;
  /**
   * Positions of those of the ids that the ledger holds, and under which generation the ledger flows now. `settled`:
   * those that a later adoption of their subject has taken up (`adopted.ts`).
   */
  confirm(ids: readonly string[]): Promise<Confirmed>;
  /** Those of the ids that the ledger holds. */
  holds(ids: readonly string[]): Promise<ReadonlySet<string>>;
  /** Payloads that were too big for the log, by event id. */
  payloadsOf(ids: readonly string[]): Promise<Map<string, Payload>>;
  /** Those of the ids that the ledger holds, in its order. */
  find(ids: readonly string[]): Promise<StoredEvent[]>;
  /**
   * Events of a subject at these positions, both included, in ledger order; at most `limit`. One that was never sent is
   * left out: it committed late, and the relay has yet to move it behind what it sent.
   */
  stretch(subjectId: string, from: number, to: number, limit: number): Promise<StoredEvent[]>;
}

/** What the router decides about a failed attempt. */
export interface FailureVerdict {
  readonly id: string;
  readonly attempt: number;
  readonly error: string;
  readonly errorClass: string;
  /** Milliseconds until the next attempt; null: no further attempt. */
  readonly retryInMs: number | null;
}

/** An accepted attempt with what the worker needs to report on it. */
export interface AcceptedWork extends Work {
  readonly subject: string;
}

export interface TxWork {
  /** Takes on work not yet known; returns the ids that are new. */
  claim(work: readonly NewWork[]): Promise<string[]>;
  /** Applies verdicts to work whose attempt has failed; others are left alone. Returns how many moved. */
  settle(verdicts: readonly FailureVerdict[]): Promise<number>;
  /** Marks attempts as running until the lease ends; returns those that were still to be done. */
  accept(attempts: readonly { id: string; attempt: number }[], leaseMs: number, agent: string): Promise<AcceptedWork[]>;
  /** Ends a running attempt. False: it was taken away meanwhile, and nothing of it may be written. */
  finish(
    id: string,
    attempt: number,
    outcome: "done" | "failed",
    error?: string,
    errorClass?: string,
  ): Promise<boolean>;
  /** Gives a running attempt back, to be started again after `afterMs`; it does not count as failed. */
  postpone(id: string, attempt: number, afterMs: number, error: string, errorClass: string): Promise<void>;
  /** Gives running attempts back, to be started again at once; they do not count as failed. */
  release(attempts: readonly { id: string; attempt: number }[]): Promise<void>;
  /** Another round for work that was given up in this one; what is past the round is left alone. Returns how many. */
  redrive(acts: readonly WorkAct[]): Promise<number>;
  /** Closes the case of work that was given up in this round; what is past the round is left alone. Returns how many. */
  discard(acts: readonly WorkAct[]): Promise<number>;
}

/** Who decided what about a failure, when and why. */
export interface Decision {
  readonly at: string;
  readonly by: string;
  readonly reason: string | null;
}

/** A decision about one round of a piece of work. */
export interface WorkAct extends Decision {
  readonly id: string;
  readonly round: number;
}

/** A decision about one try of a quarantined record. */
export interface RecordAct extends Decision {
  readonly id: string;
  readonly tries: number;
}

/** A record or work that could not be processed, kept with its raw bytes. */
export interface DeadRecord {
  readonly id: string;
  readonly stage: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly error: string;
  readonly errorClass: string;
}

/** An event of a schema version that nobody knew yet, and how often it was offered again. */
export interface TooNewRecord extends DeadRecord {
  readonly tries: number;
}

/** A record that was set aside, as it lies there. */
export interface KeptRecord extends DeadRecord {
  /** The router could not read it, and has yet to ask for its work. */
  readonly unrouted: boolean;
}

/** What is wrong with a record that was offered again. */
export type FailedAgain = Pick<DeadRecord, "stage" | "error" | "errorClass">;

/**
 * A record is open until the materializer has applied it and the router has asked for its work: each says so for itself,
 * as either may be the older program.
 */
export interface TxDeadLetters {
  /** Sets records aside; one that is there already is left as it is, but for one that seemed healed. */
  put(records: readonly DeadRecord[]): Promise<void>;
  /** Sets aside what the router cannot read yet, whatever the materializer makes of it; not what was discarded. */
  putUnrouted(records: readonly DeadRecord[]): Promise<void>;
  find(ids: readonly string[]): Promise<KeptRecord[]>;
  /** Open records of events that were too new for the program that read them, by id, from `after` on. */
  tooNew(after: string | null, limit: number): Promise<TooNewRecord[]>;
  /** The record could be read after all. */
  healed(act: RecordAct): Promise<void>;
  /** It could not: it stays, with what is wrong now. */
  failedAgain(act: RecordAct, failure: FailedAgain): Promise<void>;
  /** The router could read it, and has asked for its work. */
  routed(act: RecordAct): Promise<void>;
  /** The router could not: it stays for a later one, with what is wrong where nothing else is. */
  unroutedAgain(act: RecordAct, failure: FailedAgain): Promise<void>;
  discard(acts: readonly RecordAct[]): Promise<void>;
}

export interface ParkedEvent {
  readonly projection: string;
  readonly waitsFor: string;
  readonly event: StoredEvent;
}

export interface TxParked {
  /** Waits for those who look for parked events just now, and keeps others from looking until this commits. */
  hold(projection: string): Promise<void>;
  put(events: readonly ParkedEvent[]): Promise<void>;
  /** Those of these subjects that something waits for. */
  awaited(projection: string, subjectIds: readonly string[]): Promise<string[]>;
  /** Takes out what waits for any of these subjects, in ledger order. */
  take(projection: string, subjectIds: readonly string[]): Promise<StoredEvent[]>;
}

/** All that one Postgres transaction can do for a stage. */
export interface StoreTx<Tx = Sql> {
  readonly sql: Tx;
  readonly positions: TxPositions;
  readonly ledger: TxLedger;
  readonly work: TxWork;
  readonly deadLetters: TxDeadLetters;
  readonly parked: TxParked;
  /** Runs a part that may fail alone: then only what it wrote is undone, and its error thrown. */
  savepoint<T>(work: (tx: StoreTx<Tx>) => Promise<T>): Promise<T>;
}

/** An event of the ledger on its way to the log. */
export interface OutboxRow {
  readonly id: string;
  readonly position: number;
  readonly key: string;
  /** The record's value: the ledger row as JSON text. */
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** The same row by reference: consumers read the payload from the ledger. */
export function withoutPayload(row: OutboxRow): OutboxRow {
  return { ...row, value: JSON.stringify({ ...JSON.parse(row.value), payload: null }) };
}

/** Where an event ended up in the log. */
export interface SentRow {
  readonly id: string;
  readonly position: RecordPosition;
}

/** The holder of a lease; every write it makes is refused once somebody else holds it. */
export interface Lease {
  readonly name: string;
  readonly holder: string;
}

export interface Leases {
  /**
   * Takes or renews a lease for `ttlMs`; null while somebody else holds it. Else its term, which is another one whenever
   * it was somebody else's, or nobody's row, in between: what was under way before may have been done by others.
   */
  acquire(lease: Lease, ttlMs: number): Promise<number | null>;
  /** Renews a lease that was taken; false where somebody else has had it since, also where nobody has it any more. */
  renew(lease: Lease, ttlMs: number): Promise<boolean>;
  release(lease: Lease): Promise<void>;
  /** Who holds it now; null: nobody. */
  holderOf(name: string): Promise<string | null>;
}

export interface Outbox {
  /**
   * Marks `sent` (the batch returned last) as forwarded and returns the next batch, written down before it is returned;
   * while a batch is written down and not marked, that one again, in the same order.
   */
  next(lease: Lease, limit: number, sent: readonly SentRow[]): Promise<OutboxRow[]>;
  /** Takes a row that no log takes out of the batch, for good, and keeps its record among the dead letters. */
  setAside(lease: Lease, row: OutboxRow, error: DataError): Promise<void>;
  /** How many rows wait. */
  pending(): Promise<number>;
}

/** Work that is due, as message for its topic; or dead, for the dead-letter topic. */
export interface DueWork extends Work {
  readonly agent: string | null;
  readonly finalError: string | null;
  readonly failedAt: string | null;
}

/** The dead letter of a round of work that was given up. */
export interface DeadLetter {
  readonly id: string;
  readonly round: number;
}

export interface Schedule {
  /** Due work, oldest first, but for that of the topics that are closed. */
  due(limit: number, closed: readonly string[]): Promise<DueWork[]>;
  /** Ends due work as failed for good: no message can carry it. */
  giveUp(lease: Lease, work: DueWork, error: DataError): Promise<void>;
  markQueued(lease: Lease, sent: readonly { id: string; attempt: number; position: RecordPosition }[]): Promise<void>;
  /** Exhausted work not yet in the dead-letter topic. */
  deadUnsent(limit: number): Promise<DueWork[]>;
  /** Where the partitions of the dead-letter topic ended, by `positionKey`, before letters that were not marked; null: all were. */
  unmarkedFrom(): Promise<ReadonlyMap<string, number> | null>;
  /** Writes that down before dead letters are sent. */
  beginDeadLetters(lease: Lease, from: ReadonlyMap<string, number>): Promise<void>;
  /** Marks these as sent, to these positions; then none are left unmarked. */
  markDeadSent(lease: Lease, letters: readonly DeadLetter[], sentTo: readonly RecordPosition[]): Promise<void>;
  /** Their topic has lost its tail: what it holds is read from its beginning, and the rest sent again. */
  resendDeadLetters(lease: Lease): Promise<void>;
  /** Keeps running attempts from being taken for dead for another `leaseMs`. */
  renew(attempts: readonly { id: string; attempt: number }[], leaseMs: number): Promise<void>;
  /** Ends attempts whose agent is gone and sends again what got lost between here and the agents. */
  sweep(lease: Lease): Promise<{ expired: number; lost: number }>;
  /**
   * Makes work due again whose message lies before where its partition begins (`starts`, by `positionKey`): retention
   * deleted it before an agent took it. Returns how many that were.
   */
  requeueDeleted(lease: Lease, starts: ReadonlyMap<string, number>): Promise<number>;
  /** Milliseconds until the next item is due; null if none waits. */
  nextDueInMs(): Promise<number | null>;
}

export interface Catalog {
  unsent(limit: number): Promise<{ tag: string; first_seen: string }[]>;
  markSent(lease: Lease, tags: readonly string[], sentTo: readonly RecordPosition[]): Promise<void>;
  /** Tags in use, most used first. */
  mostUsed(): Promise<string[]>;
}

/** How far a group is in a partition of a topic that stands in the log. */
export interface GroupPlace extends TopicPartition {
  readonly group: string;
  readonly lastOffset: number;
}

/** What the log must still hold of what was sent to it; maps are by `positionKey`. */
export interface SentState {
  /** Last offset that the log acknowledged of something that is still needed: all but messages of work that was taken. */
  readonly acknowledged: ReadonlyMap<string, number>;
  readonly places: readonly GroupPlace[];
}

/** The log that the ledger flows into. */
export interface KnownLog extends LogIdentity {
  /** Where the present flow begins, by `positionKey`. What lies before is of an earlier one, and nobody's loss. */
  readonly flowFrom: ReadonlyMap<string, number>;
}

/** Which log the ledger was forwarded to. A re-created cluster or topic has another identity under the same name. */
export interface Forwarding {
  knownIdentity(): Promise<KnownLog | null>;
  noteIdentity(log: KnownLog): Promise<void>;
  /** Among how many partitions of `events.raw` keys are shared; null: not written down yet. */
  partitions(): Promise<number | null>;
  /** Writes that down; false where a batch is written down as being sent, whose keys are shared as they were. */
  sharePartitions(lease: Lease, among: number): Promise<boolean>;
  /** Last offsets that the log acknowledged of a topic that is no way to anything else: dead letters, or tags. */
  acknowledgedIn(topic: string): Promise<ReadonlyMap<string, number>>;
  /** What was sent to the log of the known identity, and how far it was read. */
  sentState(): Promise<SentState>;
  /**
   * Makes the whole ledger flow again, as the next generation, into this log. Positions and marks are
   * forgotten, work that lay in a topic is due again; nothing is done twice, as the registry of work stays. A reset that
   * was under way is over with it. `lease`: of whoever asks; nothing is changed where it was lost. `reason`: why, as people
   * are told. Returns how many events will flow.
   */
  startOver(lease: Lease, log: KnownLog, reason: string): Promise<number>;
  /** Topics that a reset under way makes anew, with the partitions each is to have; empty: none is under way. */
  resetUnderWay(): Promise<ReadonlyMap<string, number>>;
  /** Writes down a reset before it touches the first topic. */
  beginReset(lease: Lease, partitions: ReadonlyMap<string, number>): Promise<void>;
}

/** Names of what can wake a waiting loop. */
export type WakeChannel = "events" | "work" | "catalog";

export interface Wake {
  /** Calls back on each notification until the signal aborts; without LISTEN (a pooler) it never calls. */
  listen(channel: WakeChannel, onWake: () => void, signal: AbortSignal): Promise<void>;
}

/** The truth. Errors are `EnvironmentError` when Postgres is away and `DataError` when the data is at fault. */
export interface Store<Tx = Sql> {
  transaction<T>(work: (tx: StoreTx<Tx>) => Promise<T>): Promise<T>;
  readonly positions: Positions;
  readonly ledger: Ledger;
  readonly leases: Leases;
  readonly outbox: Outbox;
  readonly schedule: Schedule;
  readonly catalog: Catalog;
  readonly forwarding: Forwarding;
  readonly wake: Wake;
}
