import { fileName, type SiteItem } from "./item.ts";
import { layout, type SiteInfo } from "./layout.ts";
import { lines, type Markup, markup, when } from "./markup.ts";
import { detailsOf, languageOf, outward, tagList } from "./parts.ts";
import { dayOf } from "./text.ts";

/** Where a link's own page lies. */
export function linkPath(subjectId: string): string {
  return `links/${fileName(subjectId)}.html`;
}

/** The page of one link. */
export function linkPage(site: SiteInfo, item: SiteItem): string {
  return layout(site, {
    title: `${item.title} · ${site.title}`,
    description: item.summary,
    path: linkPath(item.id),
    kind: "article",
    body: lines(
      markup`<nav class="home"><a href="../index.html">${site.title}</a></nav>`,
      markup`<main>`,
      article(item),
      markup`</main>`,
    ),
  });
}

function article(item: SiteItem): Markup {
  const host = when(item.host, (text) => markup`<span>${text}</span>`);
  return lines(
    markup`<article class="link">`,
    markup`<p class="host">${host}<time datetime="${item.added_at}">${dayOf(item.added_at)}</time></p>`,
    markup`<div${languageOf(item)}>`,
    markup`<h1 dir="auto">${outward(item, "title", item.title)}</h1>`,
    when(item.summary, (text) => markup`<p class="lead" dir="auto">${text}</p>`),
    detailsOf(item).map((text) => markup`<p dir="auto">${text}</p>`),
    markup`</div>`,
    tagList(item),
    markup`<p class="source">${outward(item, "go", item.url ? "Read the page" : "Not a web address")}<span class="address">${item.address}</span></p>`,
    markup`</article>`,
  );
}
