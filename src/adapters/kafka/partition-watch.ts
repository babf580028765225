import type { Consumer } from "@platformatic/kafka";
import { sleep } from "../../engine/sleep.ts";

/** How often a member asks whether its topics have more partitions. */
const LOOK_EVERY_MS = 5_000;

/** Topic -> number of partitions, as the cluster has it now; the consumer goes by this from then on, too. */
export async function countPartitions(
  consumer: Consumer,
  topics: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const metadata = await consumer.metadata({ topics: [...topics], forceUpdate: true });
  return new Map(topics.map((topic) => [topic, metadata.topics.get(topic)?.partitionsCount ?? 0]));
}

/**
 * The first topic that has more partitions than when its member joined; null once the signal aborts. The client's groups
 * do not look by themselves: whoever leads shares out the partitions that it knew of. So each member that finds more
 * joins anew, and whoever leads when the last of them has joined knows of all.
 */
export async function firstGrown(
  consumer: Consumer,
  joinedWith: ReadonlyMap<string, number>,
  signal: AbortSignal,
): Promise<string | null> {
  while (!signal.aborted) {
    await sleep(LOOK_EVERY_MS, signal).catch(() => {});
    if (signal.aborted) return null;
    // What is away or gone now is told by who reads it.
    const counts = await countPartitions(consumer, [...joinedWith.keys()]).catch(() => joinedWith);
    for (const [topic, before] of joinedWith) if ((counts.get(topic) ?? 0) > before) return topic;
  }
  return null;
}
