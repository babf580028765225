import { BOOKKEEPING_KB, BOOKKEEPING_ROWS, type Sample } from "./servers-watch.ts";
import { sureSlope } from "./slope.ts";

/** Minutes below which memory says nothing: a process takes some to find its size. */
const SHORTEST = 15;
/** By how much a process may surely grow in a minute, over the second half, in which no stage is killed. */
const MEMORY_MB_A_MINUTE = 2;
/** All of bookkeeping: its tables are small, and are written over again and again. */
const BOOKKEEPING_AT_MOST_KB = 16 * 1_024;

/** What grew and must not: memory of a process, bookkeeping. `samples`: one a minute. */
export function growth(samples: readonly Sample[]): string[] {
  const half = samples.slice(Math.floor(samples.length / 2));
  const minutes = half.map((_, n) => n);
  const values = (name: string) => half.map((sample) => sample[name] ?? 0);
  const found: string[] = [];
  for (const name of samples.length < SHORTEST ? [] : Object.keys(half[0] ?? {}).filter(isMemory)) {
    const grown = sureSlope(minutes, values(name));
    if (grown > MEMORY_MB_A_MINUTE) found.push(`${name} grows by ${grown.toFixed(1)} a minute or more`);
  }
  const rows = values(BOOKKEEPING_ROWS);
  const [first = 0, last = 0] = [rows[0], rows.at(-1)];
  if (last > first) found.push(`bookkeeping grew from ${first} to ${last} rows`);
  const most = Math.max(0, ...values(BOOKKEEPING_KB));
  if (most > BOOKKEEPING_AT_MOST_KB) found.push(`bookkeeping takes ${most.toFixed(0)} KB`);
  return found;
}

/** Of a process: `router MB`, `agent:fetcher MB`. */
const isMemory = (name: string) => /^(?:router|kafka:\w+|agent:\w+) MB$/.test(name);
