import { type Stats, statSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import type { Logger } from "../../engine/logger.ts";
import { mapLimited } from "./each.ts";
import { entry } from "./entry.ts";
import { readText } from "./files.ts";
import { fileName, readItem, type SiteItem } from "./item.ts";

/** Where one state of an item stands in the lists. Another state of it is another object: identity says "unchanged". */
export interface Place {
  /** Of its file, without the ending. */
  readonly name: string;
  /** When the link was added, in milliseconds. */
  readonly at: number;
  /** What a list shows of it. */
  readonly entry: string;
}

/** Where all items stood at one time. */
export interface Scan {
  /** Newest first. */
  readonly places: readonly Place[];
  /** Counts the scans that found something else than the one before. */
  readonly revision: number;
}

/** The items of a folder. Only their places stay in memory, about a KB each: the rest is read when it is drawn. */
export interface Items {
  /** Looks at every file, and into those that changed. One scan at a time. */
  scan(): Promise<Scan>;
  /** What the item at a place says now; null where it is gone since. */
  read(place: Place): Promise<SiteItem | null>;
}

/** A state of a file, as `stampOf` tells it: without a text for each of thousands of files, twice a publication. */
type FileState = Pick<Stats, "mtimeMs" | "size" | "ino">;

interface Seen extends FileState {
  /** Null for a file that is no item. */
  readonly place: Place | null;
  /** The last scan that found it so. */
  scan: number;
}

const OPEN_FILES = 64;
/** Files looked at before anything else gets its turn: a few milliseconds. */
const LOOKS_AT_ONCE = 1000;

/** File names of items, without their ending. */
export async function itemNames(folder: string): Promise<string[]> {
  const names = await readdir(folder);
  return names.filter((name) => /^[a-z0-9-]+\.json$/.test(name)).map((name) => name.slice(0, -".json".length));
}

/** The items of this folder. */
export function createItems(folder: string, log: Logger): Items {
  const seen = new Map<string, Seen>();
  let scans = 0;
  let last: Scan = { places: [], revision: 0 };

  const read = async (name: string): Promise<SiteItem | "gone" | null> => {
    const text = await readText(join(folder, `${name}.json`));
    return text === null ? "gone" : readItem(text, name);
  };
  const look = async (name: string, state: FileState): Promise<void> => {
    const item = await read(name);
    if (item === "gone") return;
    if (!item) log.warn("left out of the site: not an item", { file: `${name}.json` });
    seen.set(name, { ...state, place: item && placeOf(item), scan: scans });
  };
  /** Forgets the items that this scan did not find as they were; returns whether there were any. */
  const forget = (): boolean => {
    const before = seen.size;
    for (const [name, { scan }] of seen) if (scan !== scans) seen.delete(name);
    return seen.size < before;
  };

  return {
    async scan() {
      scans += 1;
      const changed = await changedIn(folder, (name, found) => {
        const known = seen.get(name);
        if (!known || !isSame(known, found)) return true;
        known.scan = scans;
        return false;
      });
      const hasForgotten = forget();
      if (changed.length === 0 && !hasForgotten) return last;
      await mapLimited(changed, OPEN_FILES, ([name, state]) => look(name, state));
      const places = [...seen.values()].flatMap(({ place }) => place ?? []).sort(newestFirst);
      last = { places, revision: last.revision + 1 };
      return last;
    },
    async read({ name }) {
      const item = await read(name);
      return item === "gone" ? null : item;
    },
  };
}

/** Where an item stands, and what lists show of it. */
export function placeOf(item: SiteItem): Place {
  return { name: fileName(item.id), at: Date.parse(item.added_at), entry: inOnePiece(`${entry(item)}`) };
}

/** A text put together from others keeps all of them in memory; its copy does not. */
function inOnePiece(text: string): string {
  return Buffer.from(text).toString();
}

/** Newest first; the name decides between links of the same millisecond. */
function newestFirst(a: Place, b: Place): number {
  if (a.at !== b.at) return b.at - a.at;
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

const isSame = (a: FileState, b: FileState) => a.mtimeMs === b.mtimeMs && a.size === b.size && a.ino === b.ino;

/** The item files that are not as they were. Synchronous looks: ten thousand asynchronous ones take three times as long. */
async function changedIn(
  folder: string,
  hasChanged: (name: string, found: FileState) => boolean,
): Promise<[name: string, state: FileState][]> {
  const changed: [string, FileState][] = [];
  for (const [index, name] of (await itemNames(folder)).entries()) {
    if (index % LOOKS_AT_ONCE === LOOKS_AT_ONCE - 1) await setImmediate();
    const found = statSync(join(folder, `${name}.json`), { throwIfNoEntry: false });
    if (!found || !hasChanged(name, found)) continue;
    const { mtimeMs, size, ino } = found;
    changed.push([name, { mtimeMs, size, ino }]);
  }
  return changed;
}
