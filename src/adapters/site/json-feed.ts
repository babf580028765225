import type { SiteItem } from "./item.ts";
import type { SiteInfo } from "./layout.ts";
import { linkPath } from "./link-page.ts";
import { safeJson } from "./text.ts";

/** JSON Feed 1.1. `url` is our page about the link, `external_url` the link itself. */
export function jsonFeed(site: SiteInfo, items: readonly SiteItem[]): string {
  return safeJson({
    version: "https://jsonfeed.org/version/1.1",
    title: site.title,
    home_page_url: site.baseUrl,
    feed_url: new URL("feed.json", site.baseUrl).href,
    items: items.map((item) => entry(site, item)),
  });
}

function entry(site: SiteInfo, item: SiteItem): Record<string, unknown> {
  return {
    id: item.id,
    url: new URL(linkPath(item.id), site.baseUrl).href,
    ...(item.url ? { external_url: item.url } : {}),
    title: item.title,
    content_text: item.details || item.summary || item.title,
    ...(item.summary ? { summary: item.summary } : {}),
    date_published: item.added_at,
    date_modified: item.updated_at,
    ...(item.tags.length > 0 ? { tags: item.tags } : {}),
    ...(item.language ? { language: item.language } : {}),
  };
}
