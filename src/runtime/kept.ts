import { EnvironmentError } from "../engine/errors.ts";
import { type Log, positionKey, type TopicPartition } from "../engine/log.ts";
import { lossIn } from "../engine/log-loss.ts";
import type { GroupPosition, KnownLog } from "../engine/store.ts";

export interface Assigned {
  readonly group: string;
  readonly partitions: readonly TopicPartition[];
  /** Where the group is in them, by `positionKey`. */
  readonly known: ReadonlyMap<string, GroupPosition>;
  readonly flowFrom: KnownLog["flowFrom"];
}

/**
 * Holds a consumer back where the log has lost what it is to read next, rather than let it jump: the relay notices the
 * same, forgets all positions and sends the ledger again. Throws EnvironmentError until then.
 */
export async function requireKept(log: Log, { group, partitions, known, flowFrom }: Assigned): Promise<void> {
  const topics = [...new Set(partitions.map(({ topic }) => topic))];
  const [starts, ends] = await Promise.all([log.startOffsets(topics), log.endOffsets(topics)]);
  const keys = new Set(partitions.map(positionKey));
  const ours = new Map([...ends].filter(([key]) => keys.has(key)));
  const places = partitions.flatMap(({ topic, partition }) => {
    const position = known.get(positionKey({ topic, partition }));
    return position ? [{ group, topic, partition, lastOffset: position.lastOffset }] : [];
  });
  const loss = lossIn({ starts, ends: ours }, { acknowledged: new Map(), flowFrom, places, readers: [group] });
  if (loss) throw new EnvironmentError(`${loss}: waiting until the relay has sent the ledger again`);
}
