import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "../../engine/logger.ts";
import { mapLimited } from "./each.ts";
import { removeFile, writeText } from "./files.ts";
import { listPages } from "./index-page.ts";
import type { SiteItem } from "./item.ts";
import type { Scan } from "./items.ts";
import { jsonFeed } from "./json-feed.ts";
import type { SiteInfo } from "./layout.ts";
import { rssFeed } from "./rss.ts";

/** Items in a feed at most. */
export const FEED_SIZE = 100;

/** As often as this a rebuild follows changes made meanwhile, before it leaves them to those who made them. */
const ROUNDS = 5;

interface Rebuild {
  readonly directory: string;
  readonly site: SiteInfo;
  readonly scan: () => Promise<Scan>;
  /** Another rebuild of this process follows anyway. */
  readonly isRequested: () => boolean;
  readonly log: Logger;
}

/**
 * Writes lists and feeds from all items. Then looks again: if another process changed an item since, what we wrote
 * may be older than what it wrote, so we write again. Whoever writes last has looked after writing, so it ends right.
 */
export async function rebuildOverview({ directory, site, scan, isRequested, log }: Rebuild): Promise<void> {
  for (let round = 1; round <= ROUNDS; round++) {
    const started = await scan();
    await writeOverview(directory, site, started.items);
    if (isRequested() || (await scan()).revision === started.revision) return;
  }
  log.warn("the site's links change faster than its index can be written", { rounds: ROUNDS });
}

async function writeOverview(directory: string, site: SiteInfo, items: readonly SiteItem[]): Promise<void> {
  const lists = listPages(site, items);
  const latest = items.slice(0, FEED_SIZE);
  const files = [
    ...lists,
    { path: "feed.xml", text: rssFeed(site, latest) },
    { path: "feed.json", text: jsonFeed(site, latest) },
  ];
  await mapLimited(files, 8, (file) => writeText(join(directory, file.path), file.text));
  await removeOldLists(directory, new Set(lists.map((list) => list.path)));
}

async function removeOldLists(directory: string, current: ReadonlySet<string>): Promise<void> {
  for (const name of await readdir(directory)) {
    if (/^older-\d+\.html$/.test(name) && !current.has(name)) await removeFile(join(directory, name));
  }
}
