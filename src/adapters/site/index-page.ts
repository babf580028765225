import { entry } from "./entry.ts";
import type { SiteItem } from "./item.ts";
import { layout, type SiteInfo } from "./layout.ts";
import { lines, type Markup, markup, when } from "./markup.ts";
import { monthOf } from "./text.ts";

/** Links on an older page. The front page holds between one and two times as many. */
export const PAGE_SIZE = 200;

/** A list page and where it belongs. */
export interface ListPage {
  readonly path: string;
  readonly text: string;
}

/**
 * The front page and the older ones behind it. Older pages are counted from the oldest link on, so that a new link
 * changes the front page only, and a page keeps its address.
 */
export function listPages(site: SiteInfo, items: readonly SiteItem[]): ListPage[] {
  const older = Math.max(0, Math.floor(items.length / PAGE_SIZE) - 1);
  const start = items.length - older * PAGE_SIZE;
  const front = { path: "index.html", items: items.slice(0, start) };
  const chunks = Array.from({ length: older }, (_, index) => {
    const from = start + index * PAGE_SIZE;
    return { path: olderPath(older - index), items: items.slice(from, from + PAGE_SIZE) };
  });
  const all = [front, ...chunks];
  return all.map((page, index) => ({
    path: page.path,
    text: listPage(site, {
      ...page,
      total: items.length,
      newer: all[index - 1]?.path,
      older: all[index + 1]?.path,
    }),
  }));
}

/** The address of an older page; 1 holds the oldest links. */
export function olderPath(page: number): string {
  return `older-${page}.html`;
}

interface Listing {
  readonly path: string;
  readonly items: readonly SiteItem[];
  readonly total: number;
  readonly newer: string | undefined;
  readonly older: string | undefined;
}

function listPage(site: SiteInfo, page: Listing): string {
  const isFront = page.newer === undefined;
  return layout(site, {
    title: isFront ? site.title : `${site.title} · older links`,
    description: isFront ? `${countOf(page.total)}, newest first.` : "",
    path: page.path,
    kind: "website",
    body: lines(
      masthead(site, page, isFront),
      markup`<main>`,
      page.items.length === 0 ? NOTHING_YET : months(page.items),
      markup`</main>`,
      pager(page),
    ),
  });
}

const NOTHING_YET = markup`<p class="empty">Nothing here yet. The first public link will show up here and in the feeds.</p>`;
const FEEDS = markup`<span class="feeds"><a href="feed.xml">RSS</a><a href="feed.json">JSON Feed</a></span>`;

const countOf = (total: number): string => (total === 0 ? "No links yet" : total === 1 ? "1 link" : `${total} links`);

function masthead(site: SiteInfo, page: Listing, isFront: boolean): Markup {
  return lines(
    markup`<header class="masthead">`,
    markup`<h1>${isFront ? site.title : markup`<a href="index.html">${site.title}</a>`}</h1>`,
    markup`<p>${isFront ? countOf(page.total) : "Older links"}${FEEDS}</p>`,
    markup`</header>`,
  );
}

function months(items: readonly SiteItem[]): Markup[] {
  const groups = Map.groupBy(items, (item) => monthOf(item.added_at));
  return [...groups].map(([month, group]) =>
    lines(markup`<section>`, markup`<h2>${month}</h2>`, group.map(entry), markup`</section>`),
  );
}

function pager(page: Listing): Markup | null {
  if (!page.newer && !page.older) return null;
  return lines(
    markup`<nav class="pager">`,
    when(page.newer, (path) => markup`<a rel="prev" href="${path}">← Newer</a>`),
    when(page.older, (path) => markup`<a rel="next" href="${path}">Older →</a>`),
    markup`</nav>`,
  );
}
