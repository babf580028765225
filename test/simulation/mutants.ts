import type { GroupPosition, Log, RecordBatch, Store, StoreTx, Subscription } from "../../src/engine/ports.ts";
import type { MemoryDatabase } from "./memory-store.ts";
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

const claimRemoved: Mutation = inTransactions((tx) => ({
  work: {
    ...tx.work,
    // Whatever is asked for is taken on again under a new id, as if nobody had claimed it.
    claim: (work) => tx.work.claim(work.map((one) => ({ ...one, id: crypto.randomUUID() }))),
  },
}));

const orderIgnored: Mutation = {
  log: subscriptions((inner, scheduler) => ({
    async *[Symbol.asyncIterator]() {
      for await (const batch of inner) yield { ...batch, records: shuffledBut(batch, scheduler) };
    },
  })),
};

/** Out of order, except for the last: the position that the batch leaves is the right one. */
function shuffledBut({ records }: RecordBatch, scheduler: Scheduler) {
  const last = records.at(-1);
  const others = records.slice(0, -1).map((record) => ({ record, at: scheduler.random() }));
  const shuffled = others.sort((a, b) => a.at - b.at).map(({ record }) => record);
  return last ? [...shuffled, last] : shuffled;
}

/** Nobody checks who moved the position: a member that was replaced writes on. */
const staleOwnerWrites: Mutation = {
  ...inTransactions((tx) => ({ positions: { advance: (group, at, _from, to) => forced(tx, group, at, to) } })),
  log: subscriptions(() => ({ owns: () => true })),
};

async function forced(tx: StoreTx, ...[group, at, to]: [string, { topic: string; partition: number }, GroupPosition]) {
  await tx.positions.advance(group, at, { ...to, lastOffset: Number.NaN }, to);
}

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
    sentState: async () => ({ acknowledged: new Map(), places: [] }),
    // What an append shows by itself is not acted on either.
    startOver: async (log, options) =>
      options.reason.includes("lost its tail") ? 0 : store.forwarding.startOver(log, options),
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

/** A round begins at once, though the last one's dead letter is not in its topic yet. */
const roundsDoNotWait: Mutation = {
  database: (database: MemoryDatabase) => {
    database.roundsWait = false;
  },
};

/** A record that a person wants read again is called healed unread. */
const redriveReadsNothing: Mutation = inTransactions(() => ({ savepoint: async () => undefined as never }));

/** The mechanisms, each taken away: the simulation has to notice every one of them. */
export const mutants: Readonly<Record<string, Mutation>> = {
  "dedupe off": dedupeOff,
  "commit before effect": commitBeforeEffect,
  "claim removed": claimRemoved,
  "order ignored": orderIgnored,
  "a stale owner writes": staleOwnerWrites,
  "leases fence nothing": fenceRemoved,
  "generations look alike": generationsAlike,
  "a lost tail is not noticed": lostTailUnnoticed,
  "a topic made anew passes for the old one": topicsAlike,
  "a round does not wait for its dead letter": roundsDoNotWait,
  "what is redriven is not read": redriveReadsNothing,
};
