import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "../../engine/logger.ts";
import { mapLimited } from "./each.ts";
import { absentAsNull, removeFile, stampOf, writeText } from "./files.ts";
import { listPage, listPages } from "./index-page.ts";
import type { SiteItem } from "./item.ts";
import type { Items, Place, Scan } from "./items.ts";
import { jsonFeed } from "./json-feed.ts";
import type { SiteInfo } from "./layout.ts";
import { rssFeed } from "./rss.ts";

/** Items in a feed at most. */
export const FEED_SIZE = 100;

/** As often as this a rebuild follows changes made meanwhile, before it leaves them to those who made them. */
const ROUNDS = 5;
const FILES_AT_ONCE = 4;
const ITEMS_AT_ONCE = 16;

interface OverviewOptions {
  readonly directory: string;
  readonly site: SiteInfo;
  readonly items: Items;
  /** Another rebuild of this process follows anyway. */
  readonly isRequested: () => boolean;
  readonly log: Logger;
}

/** A list or a feed: the items it shows, what else its text depends on, and how that is written. */
interface Sheet {
  readonly path: string;
  readonly shows: readonly Place[];
  readonly around: string;
  readonly text: () => string;
}

/** What a sheet showed when this process last wrote it, and the file that says so. */
interface Drawn extends Pick<Sheet, "shows" | "around"> {
  readonly stamp: string;
}

/**
 * Returns what writes lists and feeds from all items: those whose items changed, or whose file another process wrote.
 * It keeps the items of the feeds in memory and no others: what a site takes must not grow with the texts in it.
 */
export function createOverview({ directory, site, items, isRequested, log }: OverviewOptions): () => Promise<void> {
  const drawn = new Map<string, Drawn>();
  let recent = new Map<Place, SiteItem | null>();

  const itemAt = async (place: Place) => {
    const known = recent.get(place);
    return known === undefined ? items.read(place) : known;
  };
  const isAsDrawn = async ({ path, shows, around }: Sheet): Promise<boolean> => {
    const before = drawn.get(path);
    if (!before || before.around !== around || !areSame(before.shows, shows)) return false;
    const file = await absentAsNull(stat(join(directory, path)));
    return file !== null && stampOf(file) === before.stamp;
  };
  const draw = async (sheet: Sheet): Promise<void> => {
    if (await isAsDrawn(sheet)) return;
    const { path, shows, around } = sheet;
    const stamp = await writeText(join(directory, path), sheet.text());
    drawn.set(path, { shows, around, stamp });
  };
  const drawAll = async ({ places }: Scan): Promise<void> => {
    const latest = places.slice(0, FEED_SIZE);
    recent = new Map(await mapLimited(latest, ITEMS_AT_ONCE, async (place) => [place, await itemAt(place)] as const));
    const feeds = feedsOf(
      site,
      latest,
      [...recent.values()].filter((item) => item !== null),
    );
    const lists = listsOf(site, places);
    await mapLimited([...lists, ...feeds], FILES_AT_ONCE, draw);
    await removeOldLists(directory, new Set(lists.map((list) => list.path)));
  };

  /*
   * Afterwards we look again: if another process changed an item since, what we wrote may be older than what it
   * wrote, so we write again. Whoever writes last has looked after writing, so it ends right.
   */
  return async () => {
    for (let round = 1; round <= ROUNDS; round++) {
      const started = await items.scan();
      await drawAll(started);
      if (isRequested() || (await items.scan()).revision === started.revision) return;
    }
    log.warn("the site's links change faster than its index can be written", { rounds: ROUNDS });
  };
}

const areSame = (a: readonly Place[], b: readonly Place[]) =>
  a.length === b.length && a.every((place, index) => place === b[index]);

function listsOf(site: SiteInfo, places: readonly Place[]): Sheet[] {
  return listPages(places).map((page) => {
    const { shows, ...around } = page;
    return { path: page.path, shows, around: JSON.stringify(around), text: () => listPage(site, page) };
  });
}

/** `items`: what there is at the places that the feeds show. */
function feedsOf(site: SiteInfo, shows: readonly Place[], items: readonly SiteItem[]): Sheet[] {
  return [
    { path: "feed.xml", shows, around: "", text: () => rssFeed(site, items) },
    { path: "feed.json", shows, around: "", text: () => jsonFeed(site, items) },
  ];
}

async function removeOldLists(directory: string, current: ReadonlySet<string>): Promise<void> {
  for (const name of await readdir(directory)) {
    if (/^older-\d+\.html$/.test(name) && !current.has(name)) await removeFile(join(directory, name));
  }
}
