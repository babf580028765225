import { EnvironmentError, UserError } from "../engine/errors.ts";
import type { Log } from "../engine/log.ts";
import { sleep } from "../engine/sleep.ts";
import type { Forwarding } from "../engine/store.ts";
import { EVENTS_TOPIC, TAGS_TOPIC, type TopicDefinition } from "../engine/topics.ts";
import { faultPoint } from "../runtime/fault-point.ts";
import { changedTopics } from "./relay.ts";
import type { HeldReset } from "./reset-lease.ts";
import { ensureTopics, type PartitionWishes } from "./topics.ts";

/** What is reset. */
export interface ResetTarget {
  readonly log: Log;
  readonly forwarding: Forwarding;
  readonly topics: readonly TopicDefinition[];
}

export interface ResetOptions extends ResetTarget {
  readonly held: HeldReset;
  /** Ends the waiting for the cluster. */
  readonly signal: AbortSignal;
}

const POLL_MS = 100;

/**
 * True where the log is not the one that the ledger was forwarded to: another cluster, or topics created anew; and
 * where a reset was begun and is not through.
 */
export async function clusterChanged({ log, forwarding, topics }: ResetTarget): Promise<boolean> {
  const [now, known, begun] = await Promise.all([
    log.identity(topics.map((topic) => topic.name)),
    forwarding.knownIdentity(),
    forwarding.resetUnderWay(),
  ]);
  if (begun.size > 0) return true;
  if (!known) return false;
  return known.clusterId !== now.clusterId || !now.topicIds.has(EVENTS_TOPIC) || changedTopics(known, now).length > 0;
}

/**
 * Stops a reset while programs of ours are live: what they have in flight would meet topics that come and go. Where no
 * topic is there to be deleted, as in a new cluster, nothing is taken from under them.
 */
export async function requireNobodyLive({ log, topics }: ResetTarget, live: readonly string[]): Promise<void> {
  if (live.length === 0) return;
  const { topicIds } = await log.identity(topics.map((topic) => topic.name));
  if (topicIds.size === 0) return;
  throw new UserError(
    `still running: ${live.join(", ")}; stop them first (one that was killed counts for 10 s), or say --force: then they lose their topics while they work, wait, and begin again with the ledger`,
  );
}

/**
 * Recreates the topics (the tag vocabulary stays where it exists: it is compacted, not replayed) and lets the whole
 * ledger flow again. What it is about to do is written down first, so that the next run completes one that was killed.
 * Ends with an error, and changes nothing more, once it is not the only reset. Returns how many events will flow.
 */
export async function resetTopics(asked: ResetOptions): Promise<number> {
  const { forwarding, topics, held } = asked;
  const log = fenced(asked.log, held);
  const options = { ...asked, log, signal: AbortSignal.any([asked.signal, held.signal]) };
  const names = topics.map((topic) => topic.name);
  const partitions = await planReset(options);
  faultPoint("reset.planned");
  await log.deleteTopics(names.filter(isReplayed));
  faultPoint("reset.deleted");
  await untilGone(options, names.filter(isReplayed));
  faultPoint("reset.gone");
  await ensureTopics(log, topics, partitions);
  faultPoint("reset.created");
  await untilThere(options, partitions);
  const [identity, flowFrom] = await Promise.all([log.identity(names), log.endOffsets([EVENTS_TOPIC])]);
  faultPoint("reset.before-start");
  // Its transaction asks as well, but only after it has kept everybody waiting.
  await held.confirm();
  const events = await forwarding.startOver(held.lease, { ...identity, flowFrom }, "kafka:reset");
  faultPoint("reset.started");
  return events;
}

/** The log, in which only the one reset there is changes topics. */
function fenced(log: Log, held: HeldReset): Log {
  return {
    ...log,
    // By name, so the look-ups before it may take no time that the lease does not have.
    deleteTopics: (names) => log.deleteTopics(names, () => held.confirm()),
    createTopics: async (topics) => {
      await held.confirm();
      await log.createTopics(topics);
    },
    configureTopic: async (name, config) => {
      await held.confirm();
      await log.configureTopic(name, config);
    },
  };
}

const isReplayed = (name: string) => name !== TAGS_TOPIC;

/**
 * The partitions that the topics are to have again. Nothing that flows anew remembers a partition: as many as there were
 * are as good as the contract's number. A reset that was killed remembers those that it has deleted already; and the tag
 * vocabulary, where that was missing and has to be filled.
 */
async function planReset({ log, forwarding, topics, held }: ResetOptions): Promise<PartitionWishes> {
  const { topics: present } = await log.describeTopics(topics.map(nameOf));
  const replayed = present.filter(({ name }) => isReplayed(name));
  const missing = topics.filter(({ name }) => !isReplayed(name) && present.every((topic) => topic.name !== name));
  await forwarding.beginReset(
    held.lease,
    new Map([
      ...replayed.map(({ name, replicas }) => [name, replicas.length] as const),
      ...missing.map(({ name, partitions }) => [name, partitions] as const),
    ]),
  );
  return forwarding.resetUnderWay();
}

async function untilGone({ log, signal }: ResetOptions, names: readonly string[]): Promise<void> {
  await until(signal, "was not deleted in time", async () => [...(await log.identity(names)).topicIds.keys()]);
}

/** A broker may say yes before all of it is there. */
async function untilThere({ log, topics, signal }: ResetOptions, wishes: PartitionWishes): Promise<void> {
  const names = topics.map(({ name }) => name);
  await until(signal, "was not created in time", async () => {
    const { topics: present } = await log.describeTopics(names);
    const has = new Map(present.map(({ name, replicas }) => [name, replicas.length]));
    const isThere = ({ name, partitions }: TopicDefinition) =>
      isReplayed(name) ? has.get(name) === (wishes.get(name) ?? partitions) : has.has(name);
    return topics.filter((topic) => !isThere(topic)).map(nameOf);
  });
}

const nameOf = ({ name }: TopicDefinition) => name;

/** Polls until no topic is `left`; says which one was not ready when the signal aborts. */
async function until(signal: AbortSignal, problem: string, left: () => Promise<readonly string[]>): Promise<void> {
  for (;;) {
    const [first] = await left();
    if (first === undefined) return;
    await sleep(POLL_MS, signal).catch(() => {
      throw new EnvironmentError(
        `the topic ${first} ${problem}: run "npm run kafka:reset" again, it goes on from here`,
      );
    });
  }
}
