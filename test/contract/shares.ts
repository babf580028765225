import { positionKey } from "../../src/engine/log.ts";
import { type LogSuite, record } from "./log-suite.ts";
import type { Reader } from "./reader.ts";

/** The partitions that a reader is asked for and still owns, by what it read last of each. */
export const owned = (reader: Reader): Set<string> =>
  new Set(reader.batches.filter((batch) => reader.subscription.owns(batch)).map(positionKey));

/** Appends to every partition until each was read by a member that still owns it, and the members own so many each. */
export async function untilShared(
  { log, world }: LogSuite,
  topic: string,
  expected: readonly number[],
  readers: readonly Reader[],
  ms?: number,
): Promise<void> {
  const partitions = expected.reduce((sum, share) => sum + share, 0);
  const sorted = (list: readonly number[]) => [...list].sort((a, b) => a - b).join();
  await world.until(async () => {
    await log.append(
      topic,
      Array.from({ length: partitions * 12 }, (_, n) => record(`key ${n}`)),
    );
    return sorted(readers.map((reader) => owned(reader).size)) === sorted(expected);
  }, ms);
}
