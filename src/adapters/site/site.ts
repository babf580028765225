import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { LinkView } from "../../domains/links/fold.ts";
import type { Site } from "../../domains/links/ports.ts";
import type { Logger } from "../../engine/logger.ts";
import { coalesce } from "./coalesce.ts";
import { mapLimited } from "./each.ts";
import { readText, removeFile, removeLeftovers, syncFolder, writeText } from "./files.ts";
import { fileName, itemOf, readItem, writeItem } from "./item.ts";
import { createItems, itemNames } from "./items.ts";
import type { SiteInfo } from "./layout.ts";
import { linkPage } from "./link-page.ts";
import { createOverview } from "./overview.ts";
import { STYLE } from "./style.ts";

export interface SiteOptions {
  /** The site's folder; made if it is not there. */
  readonly directory: string;
  /** Where the folder is served, for the absolute addresses in feeds. */
  readonly baseUrl: string;
  readonly title: string;
  readonly log: Logger;
}

/** The site as plain files: any web server can serve the folder, and several processes may write it. */
export interface StaticSite extends Site {
  /**
   * Makes the folder complete: empty index and feeds if there is nothing, no leftovers of killed runs, every page as
   * this version draws it. `put` and `remove` see to it themselves; call it so that a feed's address exists at once.
   */
  init(): Promise<void>;
}

/** Writes the public links as pages and feeds. The truth is the folder's own `links/*.json`, one per link. */
export function createSite({ directory, baseUrl, title, log }: SiteOptions): StaticSite {
  const site: SiteInfo = { title, baseUrl: new URL(baseUrl.endsWith("/") ? baseUrl : `${baseUrl}/`).href };
  const links = join(directory, "links");
  const items = createItems(links, log);
  const rebuild = createOverview({ directory, site, items, isRequested: () => overview.isRequested(), log });
  const overview = coalesce(async () => {
    await rebuild();
    await syncFolder(links);
    await syncFolder(directory);
  });
  let ready: Promise<void> | null = null;

  const init = (): Promise<void> => {
    ready ??= prepare().catch((error) => {
      ready = null;
      throw error;
    });
    return ready;
  };
  const prepare = async (): Promise<void> => {
    await mkdir(links, { recursive: true });
    const removed = (await removeLeftovers(directory, Date.now())) + (await removeLeftovers(links, Date.now()));
    if (removed > 0) log.info("removed what a killed run left behind", { files: removed });
    await writeText(join(directory, "style.css"), STYLE);
    await mapLimited(await knownNames(links), 32, (name) => drawPage(site, links, name));
    await overview.request();
  };
  const remove = async (subjectId: string): Promise<void> => {
    await init();
    const name = fileName(subjectId);
    await removeFile(join(links, `${name}.json`));
    await drawPage(site, links, name);
    await overview.request();
  };
  const put = async (link: LinkView): Promise<void> => {
    if (link.visibility !== "public") return remove(link.subjectId);
    return putAll([link]);
  };
  const putAll = async (all: readonly LinkView[]): Promise<void> => {
    await init();
    const shown = all.filter((link) => link.visibility === "public");
    await mapLimited(shown, 8, async (link) => {
      const name = fileName(link.subjectId);
      await writeText(join(links, `${name}.json`), writeItem(itemOf(link)));
      await drawPage(site, links, name);
    });
    await overview.request();
  };
  const lacking = async (subjectIds: readonly string[]): Promise<string[]> => {
    await init();
    const names = new Set(await itemNames(links));
    return subjectIds.filter((id) => !names.has(fileName(id)));
  };
  return { init, put, putAll, remove, lacking };
}

/** Every link that has an item or a page: a page without its item is a removal that was cut off. */
async function knownNames(links: string): Promise<string[]> {
  const pages = (await readdir(links)).filter((file) => /^[a-z0-9-]+\.html$/.test(file));
  return [...new Set([...(await itemNames(links)), ...pages.map((file) => file.slice(0, -".html".length))])];
}

/** Another process can change one link only so often while we draw its page. */
const ATTEMPTS = 50;

/**
 * Brings a link's page in line with its item: drawn, or gone with it. Looks at the item again afterwards, because
 * another process may have changed it while we drew; otherwise a page could outlive the link's removal.
 */
async function drawPage(site: SiteInfo, links: string, name: string): Promise<void> {
  const source = join(links, `${name}.json`);
  const page = join(links, `${name}.html`);
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const json = await readText(source);
    const item = json === null ? null : readItem(json, name);
    if (item) await writeText(page, linkPage(site, item));
    else await removeFile(page);
    if ((await readText(source)) === json) return;
  }
  throw new Error(`the page of ${name} could not be drawn: its link keeps changing`);
}
