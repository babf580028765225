import { statSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import type { Logger } from "../../engine/logger.ts";
import { mapLimited } from "./each.ts";
import { readText } from "./files.ts";
import { newestFirst, readItem, type SiteItem } from "./item.ts";

/** All items as they were at one time. */
export interface Scan {
  /** Newest first. */
  readonly items: readonly SiteItem[];
  /** Counts the scans that found something else than the one before. */
  readonly revision: number;
}

interface Cached {
  /** Time, size and inode: a rename always brings a new inode, so a change within the clock's tick is seen too. */
  readonly stamp: string;
  readonly item: SiteItem | null;
}

const OPEN_FILES = 64;
/** Files looked at before anything else gets its turn: a few milliseconds. */
const LOOKS_AT_ONCE = 1000;

/** File names of items, without their ending. */
export async function itemNames(folder: string): Promise<string[]> {
  const names = await readdir(folder);
  return names.filter((name) => /^[a-z0-9-]+\.json$/.test(name)).map((name) => name.slice(0, -".json".length));
}

/** Reads every item of a folder, and a file again only when it changed. One scan at a time. */
export function createScanner(folder: string, log: Logger): () => Promise<Scan> {
  let cache = new Map<string, Cached>();
  let last: Scan = { items: [], revision: 0 };

  const read = async (name: string, stamp: string): Promise<Cached | null> => {
    const text = await readText(join(folder, `${name}.json`));
    if (text === null) return null;
    const item = readItem(text, name);
    if (!item) log.warn("left out of the site: not an item", { file: `${name}.json` });
    return { stamp, item };
  };

  return async () => {
    const stamps = await stampsOf(folder);
    const changed = [...stamps].filter(([name, stamp]) => cache.get(name)?.stamp !== stamp);
    if (changed.length === 0 && stamps.size === cache.size) return last;
    const kept = [...cache].filter(([name, cached]) => stamps.get(name) === cached.stamp);
    cache = new Map(kept);
    await mapLimited(changed, OPEN_FILES, async ([name, stamp]) => {
      const cached = await read(name, stamp);
      if (cached) cache.set(name, cached);
    });
    const items = [...cache.values()].flatMap((cached) => cached.item ?? []).sort(newestFirst);
    last = { items, revision: last.revision + 1 };
    return last;
  };
}

/** The stamp of every item file. Synchronous looks, because ten thousand asynchronous ones take three times as long. */
async function stampsOf(folder: string): Promise<Map<string, string>> {
  const stamps = new Map<string, string>();
  for (const [index, name] of (await itemNames(folder)).entries()) {
    if (index % LOOKS_AT_ONCE === LOOKS_AT_ONCE - 1) await setImmediate();
    const found = statSync(join(folder, `${name}.json`), { throwIfNoEntry: false });
    if (found) stamps.set(name, `${found.mtimeMs}:${found.size}:${found.ino}`);
  }
  return stamps;
}
