import { z } from "zod";
import { decodeJson } from "../engine/decode.ts";
import { DataError, EnvironmentError } from "../engine/errors.ts";
import { type Log, type LogRecord, positionKey, type RecordPosition } from "../engine/log.ts";
import type { DeadLetter } from "../engine/store.ts";
import { DEAD_LETTER_TOPIC } from "../engine/topics.ts";

/** The group in which a dispatcher reads dead letters back. It keeps no positions. */
export const DISPATCHER_GROUP = "dispatcher-v1";

const letter = z.looseObject({
  original_work: z.looseObject({ id: z.guid(), round: z.number().int().min(1).default(1) }),
});

interface FoundLetters {
  readonly letters: readonly DeadLetter[];
  /** The last positions that were read. */
  readonly sentTo: readonly RecordPosition[];
}

/** The dead letters that their topic holds from these offsets (by `positionKey`) on, or from its beginning where none is named. */
export async function sentLetters(
  log: Log,
  from: ReadonlyMap<string, number>,
  signal: AbortSignal,
): Promise<FoundLetters> {
  const unread = new Map(await log.endOffsets([DEAD_LETTER_TOPIC]));
  const starts = await log.startOffsets([DEAD_LETTER_TOPIC]);
  const begin = (key: string) => Math.max(from.get(key) ?? 0, starts.get(key) ?? 0);
  for (const [key, end] of unread) if (end <= begin(key)) unread.delete(key);
  if (unread.size === 0) return { letters: [], sentTo: [] };
  const letters: DeadLetter[] = [];
  const sentTo: RecordPosition[] = [];
  await using subscription = log.subscribe({
    group: DISPATCHER_GROUP,
    topics: [DEAD_LETTER_TOPIC],
    maxBatch: 1_000,
    signal,
    startAt: async (partitions) => new Map(partitions.map(positionKey).map((key) => [key, begin(key)])),
  });
  for await (const batch of subscription) {
    letters.push(...batch.records.flatMap(toLetter));
    sentTo.push(...batch.records.slice(-1));
    const key = positionKey(batch);
    if ((batch.records.at(-1)?.offset ?? -1) + 1 >= (unread.get(key) ?? 0)) unread.delete(key);
    if (unread.size === 0) return { letters, sentTo };
  }
  throw new EnvironmentError(`${DEAD_LETTER_TOPIC} could not be read to the end that it had`);
}

/** What others put there says nothing of our work. */
function toLetter(record: LogRecord): DeadLetter[] {
  try {
    const parsed = letter.safeParse(decodeJson(record));
    return parsed.success ? [parsed.data.original_work] : [];
  } catch (error) {
    if (error instanceof DataError) return [];
    throw error;
  }
}
