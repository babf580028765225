import { positionKey } from "./log.ts";
import type { GroupPlace, KnownLog, SentState } from "./store.ts";
import { EVENTS_TOPIC } from "./topics.ts";

/** Where the partitions of a log begin and end, by `positionKey`. */
export interface LogBounds {
  readonly starts: ReadonlyMap<string, number>;
  readonly ends: ReadonlyMap<string, number>;
}

/** What is known of what these partitions held. */
export interface ExpectedOfLog {
  readonly acknowledged: SentState["acknowledged"];
  readonly flowFrom: KnownLog["flowFrom"];
  readonly places: readonly GroupPlace[];
  /** Groups that must see every event of the ledger, whether they have a place yet or not. */
  readonly readers: readonly string[];
}

/**
 * Says what the log has lost of what is still needed; null: nothing. Its tail, where it ends before what it had
 * acknowledged or what a group has read (a broker lost its disk); or events that retention deleted before a group read
 * them. Work needs no such look at its beginning: the dispatcher sends again what nobody took.
 */
export function lossIn({ starts, ends }: LogBounds, expected: ExpectedOfLog): string | null {
  for (const [key, end] of ends) {
    const loss = lostTail(key, end, expected) ?? passedOver(key, starts.get(key) ?? 0, expected);
    if (loss) return loss;
  }
  return null;
}

function lostTail(key: string, end: number, { acknowledged, places }: ExpectedOfLog): string | null {
  const read = places.filter((place) => positionKey(place) === key).map(({ lastOffset }) => lastOffset);
  const reached = Math.max(acknowledged.get(key) ?? -1, ...read);
  if (reached < end) return null;
  return `${inWords(key)} has lost its tail: it ends at ${end}, and had reached ${reached + 1}`;
}

function passedOver(key: string, start: number, { flowFrom, places, readers }: ExpectedOfLog): string | null {
  if (!key.startsWith(`${EVENTS_TOPIC}:`)) return null;
  for (const group of readers) {
    const place = places.find((one) => one.group === group && positionKey(one) === key);
    const next = Math.max(flowFrom.get(key) ?? 0, (place?.lastOffset ?? -1) + 1);
    if (start > next)
      return `retention deleted ${start - next} records of ${inWords(key)} before ${group} had read them`;
  }
  return null;
}

const inWords = (key: string) => key.replace(/:(\d+)$/, ", partition $1,");
