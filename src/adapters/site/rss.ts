import type { SiteItem } from "./item.ts";
import type { SiteInfo } from "./layout.ts";
import { linkPath } from "./link-page.ts";
import { lines, type Markup, markup, when } from "./markup.ts";
import { detailsOf } from "./parts.ts";

/** RSS 2.0. An item leads to the link itself; its guid is the subject id and never changes. */
export function rssFeed(site: SiteInfo, items: readonly SiteItem[]): string {
  const self = new URL("feed.xml", site.baseUrl).href;
  return `${lines(
    markup`<?xml version="1.0" encoding="UTF-8"?>`,
    markup`<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom">`,
    markup`<channel>`,
    markup`<title>${site.title}</title>`,
    markup`<link>${site.baseUrl}</link>`,
    markup`<description>${`The newest of ${site.title}`}</description>`,
    markup`<atom:link rel="self" type="application/rss+xml" href="${self}"/>`,
    lastChange(items),
    items.map((item) => entry(site, item)),
    markup`</channel>`,
    markup`</rss>`,
  )}\n`;
}

/** When the content last changed, never "now": the same links make the same bytes. */
function lastChange(items: readonly SiteItem[]): Markup | null {
  const newest = items
    .map((item) => item.updated_at)
    .sort()
    .at(-1);
  return when(newest, (iso) => markup`<lastBuildDate>${rfc822(iso)}</lastBuildDate>`);
}

function entry(site: SiteInfo, item: SiteItem): Markup {
  const page = new URL(linkPath(item.id), site.baseUrl).href;
  return lines(
    markup`<item>`,
    markup`<title>${item.title}</title>`,
    markup`<link>${item.url ?? page}</link>`,
    markup`<guid isPermaLink="false">${item.id}</guid>`,
    markup`<pubDate>${rfc822(item.added_at)}</pubDate>`,
    markup`<description>${description(item, page)}</description>`,
    item.tags.map((tag) => markup`<category>${tag}</category>`),
    markup`</item>`,
  );
}

/** HTML as text: RSS wants it escaped once more, which the template around it does. */
function description(item: SiteItem, page: string): string {
  const texts = [item.summary, ...detailsOf(item)].filter((text) => text !== "");
  const body = texts.map((text) => markup`<p>${text}</p>`);
  return `${markup`${body}<p><a href="${page}">${item.host || "Details"}</a></p>`}`;
}

const rfc822 = (iso: string): string => new Date(iso).toUTCString();
