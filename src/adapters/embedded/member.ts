import { positionKey, type RecordBatch, type TopicPartition } from "../../engine/log.ts";
import type { LogDb } from "./database.ts";
import { type Assignment, commit, leave, type Membership, rebalance, renew } from "./group.ts";

const BEAT_MS = 1_000;
/** Between stopping to read a partition and handing it over: a batch that is under way can still end. */
export const HANDOVER_MS = 500;

/** One member's place in its group: kept by beating, and the partitions that come with it. */
export class Member {
  #db: LogDb;
  #membership: Membership;
  #onChange: () => void;
  #generation: number | null = null;
  /** What is read, by `positionKey`. */
  #owned = new Map<string, Assignment>();
  /** Owned but not read any more, by epoch: when that began. */
  #leaving = new Map<number, { readonly assignment: Assignment; readonly since: number }>();
  #commits = new Map<number, number>();
  #renewedAt = Number.NEGATIVE_INFINITY;

  constructor(db: LogDb, membership: Membership, onChange: () => void) {
    this.#db = db;
    this.#membership = membership;
    this.#onChange = onChange;
  }

  /** The partitions to read. */
  get owned(): readonly Assignment[] {
    return [...this.#owned.values()];
  }

  /** False as soon as somebody else may own it: also when this member could not renew its place in time. */
  owns(batch: RecordBatch): boolean {
    const inTime = performance.now() - this.#renewedAt < this.#membership.sessionMs;
    return inTime && this.#owned.get(positionKey(batch))?.epoch === batch.epoch;
  }

  commit(partition: TopicPartition, nextOffset: number): void {
    const assignment = this.#owned.get(positionKey(partition));
    if (assignment) this.#commits.set(assignment.epoch, nextOffset);
  }

  /** Renews the place and, where the group has changed, looks at what is to own. Returns when to beat again, in ms. */
  async beat(): Promise<number> {
    await this.#flushCommits();
    const startedAt = performance.now();
    const pulse = await renew(this.#db, this.#membership);
    if (pulse) this.#renewedAt = startedAt;
    const release = [...this.#leaving.values()].filter(({ since }) => startedAt - since >= HANDOVER_MS);
    if (pulse?.generation !== this.#generation || pulse?.someoneIsGone || release.length > 0) {
      const handedOver = release.map(({ assignment }) => assignment);
      const { generation, owned, surplus } = await rebalance(this.#db, this.#membership, handedOver);
      this.#renewedAt = startedAt;
      this.#generation = generation;
      this.#adopt(owned, surplus);
    }
    return this.#leaving.size > 0 ? HANDOVER_MS : BEAT_MS;
  }

  /** Leaves the group, after saying how far it is. */
  async leave(): Promise<void> {
    await this.#flushCommits();
    this.#owned.clear();
    await leave(this.#db, this.#membership);
  }

  #adopt(owned: readonly Assignment[], surplus: readonly Assignment[]): void {
    const since = performance.now();
    const leaving = [...[...this.#leaving.values()].map(({ assignment }) => assignment), ...surplus];
    const epochs = new Set(leaving.map(({ epoch }) => epoch));
    this.#leaving = new Map(
      owned
        .filter(({ epoch }) => epochs.has(epoch))
        .map((assignment) => [assignment.epoch, this.#leaving.get(assignment.epoch) ?? { assignment, since }]),
    );
    const before = [...this.#owned.values()].map(({ epoch }) => epoch);
    const read = owned.filter(({ epoch }) => !epochs.has(epoch));
    this.#owned = new Map(read.map((assignment) => [positionKey(assignment), assignment]));
    const same = before.length === read.length && read.every(({ epoch }) => before.includes(epoch));
    if (!same) this.#onChange();
  }

  /** Only for lag monitors and for members whose store knows nothing: once a beat is enough. */
  async #flushCommits(): Promise<void> {
    if (this.#commits.size === 0) return;
    const offsets = [...this.#commits].map(([epoch, nextOffset]) => ({ epoch, nextOffset }));
    this.#commits.clear();
    await commit(this.#db, this.#membership.group, offsets);
  }
}
