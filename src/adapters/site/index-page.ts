import { raw } from "hono/html";
import type { Place } from "./items.ts";
import { layout, type SiteInfo } from "./layout.ts";
import { lines, type Markup, markup, when } from "./markup.ts";
import { monthOf } from "./text.ts";

/** Links on an older page. The front page holds between one and two times as many. */
export const PAGE_SIZE = 200;

/** A list page: where it belongs and what it shows. */
export interface ListPage {
  readonly path: string;
  /** Newest first. */
  readonly shows: readonly Place[];
  /** Links of the whole site, for the front page. None for the others: they would change with every link. */
  readonly total: number | null;
  readonly newer: string | undefined;
  readonly older: string | undefined;
}

/**
 * The front page and the older ones behind it. Older pages are counted from the oldest link on, so that a new link
 * changes the front page only, and a page keeps its address. `all`: newest first.
 */
export function listPages(all: readonly Place[]): ListPage[] {
  const older = Math.max(0, Math.floor(all.length / PAGE_SIZE) - 1);
  const start = all.length - older * PAGE_SIZE;
  const front = { path: "index.html", shows: all.slice(0, start) };
  const chunks = Array.from({ length: older }, (_, index) => {
    const from = start + index * PAGE_SIZE;
    return { path: olderPath(older - index), shows: all.slice(from, from + PAGE_SIZE) };
  });
  const pages = [front, ...chunks];
  return pages.map((page, index) => ({
    ...page,
    total: index === 0 ? all.length : null,
    newer: pages[index - 1]?.path,
    older: pages[index + 1]?.path,
  }));
}

/** The address of an older page; 1 holds the oldest links. */
export function olderPath(page: number): string {
  return `older-${page}.html`;
}

/** A list page's text. */
export function listPage(site: SiteInfo, page: ListPage): string {
  const count = page.total === null ? null : countOf(page.total);
  return layout(site, {
    title: count ? site.title : `${site.title} · older links`,
    description: count ? `${count}, newest first.` : "",
    path: page.path,
    kind: "website",
    body: lines(
      masthead(site, count),
      markup`<main>`,
      page.shows.length === 0 ? NOTHING_YET : months(page.shows),
      markup`</main>`,
      pager(page),
    ),
  });
}

const NOTHING_YET = markup`<p class="empty">Nothing here yet. The first public link will show up here and in the feeds.</p>`;
const FEEDS = markup`<span class="feeds"><a href="feed.xml">RSS</a><a href="feed.json">JSON Feed</a></span>`;

const countOf = (total: number): string => (total === 0 ? "No links yet" : total === 1 ? "1 link" : `${total} links`);

/** `count`: what the front page says. */
function masthead(site: SiteInfo, count: string | null): Markup {
  return lines(
    markup`<header class="masthead">`,
    markup`<h1>${count ? site.title : markup`<a href="index.html">${site.title}</a>`}</h1>`,
    markup`<p>${count ?? "Older links"}${FEEDS}</p>`,
    markup`</header>`,
  );
}

function months(places: readonly Place[]): Markup[] {
  const groups = Map.groupBy(places, (place) => monthOf(new Date(place.at).toISOString()));
  return [...groups].map(([month, group]) =>
    lines(
      markup`<section>`,
      markup`<h2>${month}</h2>`,
      group.map((place) => raw(place.entry)),
      markup`</section>`,
    ),
  );
}

function pager(page: ListPage): Markup | null {
  if (!page.newer && !page.older) return null;
  return lines(
    markup`<nav class="pager">`,
    when(page.newer, (path) => markup`<a rel="prev" href="${path}">← Newer</a>`),
    when(page.older, (path) => markup`<a rel="next" href="${path}">Older →</a>`),
    markup`</nav>`,
  );
}
