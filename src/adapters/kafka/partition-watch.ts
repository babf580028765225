import type { Consumer } from "@platformatic/kafka";
import { sleep } from "../../engine/sleep.ts";

/** How often a member asks whether its topics have more partitions. */
const LOOK_EVERY_MS = 5_000;

type Metadata = Awaited<ReturnType<Consumer["metadata"]>>;

/**
 * Finds partitions that were added. The client's groups do not look by themselves: whoever leads shares out those that it
 * was told of last. So each member that finds more joins anew, and whoever leads when the last of them has joined knows
 * of all. What counts is the fewest that a member was told of since it joined: a broker that was just started may not know
 * all, and the group may have been shared out by that.
 */
export class PartitionWatch {
  readonly #consumer: Consumer;
  readonly #topics: readonly string[];
  readonly #fewest = new Map<string, number>();

  constructor(consumer: Consumer, topics: readonly string[]) {
    this.#consumer = consumer;
    this.#topics = topics;
  }

  /** Asks the cluster, and notes the answer. The consumer goes by it from then on, too. */
  async look(): Promise<Metadata> {
    const metadata = await this.#consumer.metadata({ topics: [...this.#topics], forceUpdate: true });
    for (const topic of this.#topics) {
      const count = metadata.topics.get(topic)?.partitionsCount ?? 0;
      this.#fewest.set(topic, Math.min(count, this.#fewest.get(topic) ?? count));
    }
    return metadata;
  }

  /** The first topic that is found to have more; null once the signal aborts. */
  async firstGrown(signal: AbortSignal): Promise<string | null> {
    for (;;) {
      await sleep(LOOK_EVERY_MS, signal).catch(() => {});
      if (signal.aborted) return null;
      // What is away or gone now is told by who reads it.
      const metadata = await this.look().catch(() => null);
      const grown = this.#topics.find((topic) => {
        const count = metadata?.topics.get(topic)?.partitionsCount ?? 0;
        return count > (this.#fewest.get(topic) ?? count);
      });
      if (grown !== undefined) return grown;
    }
  }
}
