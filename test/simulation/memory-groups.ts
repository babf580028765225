import { positionKey, type TopicPartition } from "../../src/engine/log.ts";
import type { Scheduler, SimProcess } from "./scheduler.ts";

/** A member that said nothing for so long is replaced. */
const SESSION_MS = 10_000;

export interface Member {
  readonly topics: readonly string[];
  lastSeen: number;
}

export interface Group {
  generation: number;
  members: Member[];
  /** Who owns which partition, by `positionKey`. */
  owners: Map<string, Member>;
  committed: Map<string, number>;
}

/** What a cluster is asked for on behalf of its groups. */
interface Topics {
  partitionsOf(topic: string): number;
  wakeReaders(): void;
}

/** The consumer groups of a simulated cluster: who of their members is alive, and who owns what. */
export class MemoryGroups {
  readonly #groups = new Map<string, Group>();
  readonly #givenUp = new Map<string, number>();

  constructor(
    readonly scheduler: Scheduler,
    readonly topics: Topics,
  ) {}

  named(name: string): Group {
    let group = this.#groups.get(name);
    if (!group) {
      group = { generation: 0, members: [], owners: new Map(), committed: new Map() };
      this.#groups.set(name, group);
    }
    return group;
  }

  /** Notes that a process has been given a partition, or has given it up. */
  noteHolding(process: SimProcess, group: string, at: string, isHeld: boolean): void {
    this.#givenUp.set(`${process.name}/${group}/${at}`, isHeld ? Number.POSITIVE_INFINITY : this.scheduler.steps);
  }

  /** The step at which a process gave a partition up; infinite: it has it, as far as it knows. */
  givenUpAt(process: SimProcess, group: string, at: string): number {
    return this.#givenUp.get(`${process.name}/${group}/${at}`) ?? 0;
  }

  /** Shares the partitions among the members anew; each learns of it at its next heartbeat. */
  rebalance(group: Group): void {
    group.generation += 1;
    group.owners.clear();
    const topics = new Set(group.members.flatMap((member) => member.topics));
    let turn = this.scheduler.below(Math.max(1, group.members.length));
    for (const topic of topics) {
      const count = this.topics.partitionsOf(topic);
      for (let partition = 0; partition < count; partition += 1) {
        const member = group.members[turn % group.members.length];
        turn += 1;
        if (member) group.owners.set(positionKey({ topic, partition }), member);
      }
    }
    this.topics.wakeReaders();
  }

  /** Those who read a topic look again at what there is to own. */
  rebalanceReaders(topic: string): void {
    for (const group of this.#groups.values()) {
      if (group.members.some((member) => member.topics.includes(topic))) this.rebalance(group);
    }
  }

  /** A topic that is deleted takes along how far its readers were. */
  forget(topic: string): void {
    for (const group of this.#groups.values()) {
      for (const key of group.committed.keys()) if (key.startsWith(`${topic}:`)) group.committed.delete(key);
    }
  }

  /** Replaces members that said nothing for the length of a session. */
  expireSessions(): void {
    for (const group of this.#groups.values()) {
      const live = group.members.filter((member) => this.scheduler.now - member.lastSeen <= SESSION_MS);
      if (live.length === group.members.length) continue;
      group.members = live;
      this.rebalance(group);
    }
  }
}

/** What `positionKey` made a key of. */
export function toPartition(key: string): TopicPartition {
  const cut = key.lastIndexOf(":");
  return { topic: key.slice(0, cut), partition: Number(key.slice(cut + 1)) };
}
