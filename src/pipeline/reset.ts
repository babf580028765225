import type { Logger } from "../engine/logger.ts";
import type { Forwarding, Log } from "../engine/ports.ts";
import { sleep } from "../engine/sleep.ts";
import { EVENTS_TOPIC, TAGS_TOPIC, type TopicDefinition } from "../engine/topics.ts";
import { changedTopics } from "./relay.ts";
import { ensureTopics } from "./topics.ts";

export interface ResetOptions {
  readonly log: Log;
  readonly forwarding: Forwarding;
  readonly topics: readonly TopicDefinition[];
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

const GONE_POLL_MS = 100;

/** True where the log is not the one that the ledger was forwarded to: another cluster, or topics created anew. */
export async function clusterChanged({ log, forwarding, topics }: ResetOptions): Promise<boolean> {
  const [now, known] = await Promise.all([log.identity(topics.map((topic) => topic.name)), forwarding.knownIdentity()]);
  if (!known) return false;
  return known.clusterId !== now.clusterId || !now.topicIds.has(EVENTS_TOPIC) || changedTopics(known, now).length > 0;
}

/**
 * Recreates the topics (the tag vocabulary stays where it exists: it is compacted, not replayed) and lets the whole
 * ledger flow again. Returns how many events will.
 */
export async function resetTopics(options: ResetOptions): Promise<number> {
  const { log, forwarding, topics, signal } = options;
  const names = topics.map((topic) => topic.name);
  const replayed = names.filter((name) => name !== TAGS_TOPIC);
  const hadCatalog = (await log.identity([TAGS_TOPIC])).topicIds.has(TAGS_TOPIC);
  // Nothing that flows again remembers a partition: as many as there were are as good as the contract's number.
  const { topics: before } = await log.describeTopics(replayed);
  await log.deleteTopics(replayed);
  while ((await log.identity(replayed)).topicIds.size > 0) await sleep(GONE_POLL_MS, signal);
  await ensureTopics(log, topics, new Map(before.map(({ name, replicas }) => [name, replicas.length])));
  const identity = await log.identity(names);
  return forwarding.startOver(identity, { catalog: !hadCatalog });
}
