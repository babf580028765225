import { deterministicId } from "../../src/engine/ids.ts";
import type { Log, LogRecord, RecordBatch, Subscription } from "../../src/engine/log.ts";
import type { GroupPosition, Store, StoreTx } from "../../src/engine/store.ts";
import type { MemoryDatabase, SimSql } from "./memory-store.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Mutation } from "./world.ts";

/** Wraps what a log's subscriptions do. */
function subscriptions(change: (inner: Subscription, scheduler: Scheduler) => Partial<Subscription>) {
  return (log: Log, scheduler: Scheduler): Log => ({
    ...log,
    subscribe(options) {
      const inner = log.subscribe(options);
      const same: Subscription = {
        owns: (batch) => inner.owns(batch),
        commit: (partition, next) => inner.commit(partition, next),
        [Symbol.asyncIterator]: () => inner[Symbol.asyncIterator](),
        [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
      };
      return Object.assign(same, change(inner, scheduler));
    },
  });
}

function inTransactions(change: (tx: StoreTx) => Partial<StoreTx>): Mutation {
  return {
    database: (database: MemoryDatabase) => {
      database.wrapTx = (tx) => ({ ...tx, ...(change(tx as unknown as StoreTx) as object) });
    },
  };
}

/** A position without the watermark that tells repeats. */
const forgetful = (position: GroupPosition): GroupPosition => ({ ...position, watermark: null });

const dedupeOff: Mutation = {
  ...inTransactions((tx) => ({
    positions: { advance: (group, at, from, to) => tx.positions.advance(group, at, from, forgetful(to)) },
  })),
};

/** The position moves in a transaction of its own, before the effect's. */
const commitBeforeEffect: Mutation = {
  store: (store: Store): Store => ({
    ...store,
    transaction: async (work) => {
      const moves: (() => Promise<void>)[] = [];
      const collect = (tx: StoreTx): StoreTx => ({
        ...tx,
        positions: {
          advance: async (group, at, from, to) => {
            moves.push(() => store.transaction((own) => own.positions.advance(group, at, from, to)));
          },
        },
      });
      const run = async (tx: StoreTx) => {
        const result = await work(collect(tx));
        return result;
      };
      // A first run only finds out where the position goes; what it writes is thrown away.
      await store
        .transaction(async (tx) => {
          await run(tx);
          throw new Error("only a look ahead");
        })
        .catch((error) => {
          if (error.message !== "only a look ahead") throw error;
        });
      const ahead = moves.splice(0);
      for (const move of ahead) await move();
      return store.transaction(run);
    },
  }),
};

/** Whatever is asked for is taken on again under a new id, as if nobody had claimed it. */
const claimRemoved: Mutation = inTransactions((tx) => ({
  work: {
    ...tx.work,
    claim: async (work) => {
      const anew = await Promise.all(work.map(async (one) => ({ ...one, id: await unclaimed(tx, one.id) })));
      return tx.work.claim(anew);
    },
  },
}));

/** The first id of this work that nobody has claimed. */
async function unclaimed({ sql }: StoreTx, id: string): Promise<string> {
  const times = (sql as unknown as SimSql).table<number>("claims");
  const nth = (times.get(id) ?? 0) + 1;
  times.set(id, nth);
  return nth === 1 ? id : deterministicId("claimed again", id, nth);
}

/** Records come in any order, and nobody looks at their positions: otherwise what comes late is taken for a repeat. */
const orderIgnored: Mutation = {
  log: subscriptions((inner, scheduler) => ({
    async *[Symbol.asyncIterator]() {
      for await (const batch of inner) yield { ...batch, records: shuffledBut(batch, scheduler).map(ofNoFlow) };
    },
  })),
};

const ofNoFlow = (record: LogRecord) => ({ ...record, headers: { ...record.headers, generation: "none" } });

/** Out of order, except for the last: the position that the batch leaves is the right one. */
function shuffledBut({ records }: RecordBatch, scheduler: Scheduler) {
  const last = records.at(-1);
  const others = records.slice(0, -1).map((record) => ({ record, at: scheduler.random() }));
  const shuffled = others.sort((a, b) => a.at - b.at).map(({ record }) => record);
  return last ? [...shuffled, last] : shuffled;
}

/** Nobody checks who moved the position: a member that was replaced writes on. */
const staleOwnerWrites: Mutation = {
  database: (database) => {
    database.comparesPositions = false;
  },
  log: subscriptions(() => ({ owns: () => true })),
};

/** A member goes on with what it read before its partition was given to another one. */
const olderAssignmentApplied: Mutation = { log: subscriptions(() => ({ owns: () => true })) };

const fenceRemoved: Mutation = {
  database: (database) => {
    database.fenced = false;
  },
};

/** Nobody can tell under which flow of the ledger a record was sent. */
const generationsAlike: Mutation = {
  ...inTransactions((tx) => ({
    ledger: { ...tx.ledger, confirm: async (ids) => ({ ...(await tx.ledger.confirm(ids)), generation: 1 }) },
  })),
  log: subscriptions((inner) => ({
    async *[Symbol.asyncIterator]() {
      for await (const batch of inner) {
        const records = batch.records.map((record) => ({ ...record, headers: { ...record.headers, generation: "1" } }));
        yield { ...batch, records };
      }
    },
  })),
};

/** What the log must still hold is not known, so that it may lose what it likes. */
const blind = (store: Store): Store => ({
  ...store,
  forwarding: {
    ...store.forwarding,
    acknowledgedIn: async () => new Map(),
    sentState: async () => ({ acknowledged: new Map(), places: [] }),
    // What an append shows by itself is not acted on either.
    startOver: async (lease, log, reason) =>
      reason.includes("lost its tail") ? 0 : store.forwarding.startOver(lease, log, reason),
  },
});

const lostTailUnnoticed: Mutation = { store: blind, calamities: ["lost tail"] };

/** Topics and clusters are told apart by name only. */
const topicsAlike: Mutation = {
  store: blind,
  log: (log) => ({
    ...log,
    identity: async (topics) => {
      const { topicIds } = await log.identity(topics);
      return { clusterId: "the one", topicIds: new Map([...topicIds.keys()].map((name) => [name, name])) };
    },
  }),
  calamities: ["topic anew", "cluster anew"],
};

/** A log that has deleted what nobody has read yet looks whole. */
const retentionUnnoticed: Mutation = {
  log: (log) => ({
    ...log,
    startOffsets: async (topics) => new Map([...(await log.startOffsets(topics)).keys()].map((key) => [key, 0])),
  }),
  calamities: ["retention"],
};

/** Work whose message nobody can read any more is waited for as if somebody could. */
const deletedMessagesForgotten: Mutation = {
  store: (store) => ({ ...store, schedule: { ...store.schedule, requeueDeleted: async () => 0 } }),
};

/** Where the last dead letter stands is not written down. */
const lostLetterUnnoticed: Mutation = {
  store: ({ schedule, ...store }) => ({
    ...store,
    schedule: { ...schedule, markDeadSent: (lease, letters) => schedule.markDeadSent(lease, letters, []) },
  }),
  calamities: ["lost tail"],
};

/** Keys go to partitions that were added at once, whether what came before is read or not. */
const addedPartitionsUsedAtOnce: Mutation = {
  log: (log) => ({ ...log, append: (topic, records) => log.append(topic, records) }),
};

/** What waited for its parent is not offered again when that comes. */
const parkedForgotten: Mutation = inTransactions((tx) => ({ parked: { ...tx.parked, take: async () => [] } }));

/** A round begins at once, though the last one's dead letter is not in its topic yet. */
const roundsDoNotWait: Mutation = {
  database: (database: MemoryDatabase) => {
    database.registry.roundsWait = false;
  },
};

/** A record that a person wants read again is called healed unread. */
const redriveReadsNothing: Mutation = inTransactions(() => ({ savepoint: async () => undefined as never }));

export interface Mutant {
  readonly mutation: Mutation;
  /** What it breaks, as the checker says it: that has to be noticed, and nothing else counts. */
  readonly breaks: string;
}

/** The mechanisms, each taken away: the simulation has to notice every one of them, and for the right reason. */
export const mutants: Readonly<Record<string, Mutant>> = {
  "dedupe off": { mutation: dedupeOff, breaks: "I2 doubled" },
  "commit before effect": { mutation: commitBeforeEffect, breaks: "I1 lost" },
  "claim removed": { mutation: claimRemoved, breaks: "I2 work" },
  "order ignored": { mutation: orderIgnored, breaks: "I3 order" },
  "a stale owner writes": { mutation: staleOwnerWrites, breaks: "I2 doubled" },
  "a batch of an older assignment is applied": { mutation: olderAssignmentApplied, breaks: "I3 owner" },
  "leases fence nothing": { mutation: fenceRemoved, breaks: "I3 order" },
  "generations look alike": { mutation: generationsAlike, breaks: "I1 lost" },
  "a lost tail is not noticed": { mutation: lostTailUnnoticed, breaks: "I1 lost" },
  "a topic made anew passes for the old one": { mutation: topicsAlike, breaks: "I1 lost" },
  "what retention deleted is jumped": { mutation: retentionUnnoticed, breaks: "I1 lost" },
  "work whose message was deleted is not sent again": { mutation: deletedMessagesForgotten, breaks: "I5 alive" },
  "a lost dead letter is not noticed": { mutation: lostLetterUnnoticed, breaks: "I4 dead letter" },
  "added partitions are used at once": { mutation: addedPartitionsUsedAtOnce, breaks: "I3 order" },
  "what is parked is forgotten": { mutation: parkedForgotten, breaks: "I1 parked" },
  "a round does not wait for its dead letter": { mutation: roundsDoNotWait, breaks: "I4 dead letter" },
  "what is redriven is not read": { mutation: redriveReadsNothing, breaks: "I1 lost" },
};
