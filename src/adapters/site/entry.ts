import { fileName, type SiteItem } from "./item.ts";
import { lines, type Markup, markup, when } from "./markup.ts";
import { detailsOf, languageOf, outward, tagList } from "./parts.ts";
import { dayOf, shortDayOf } from "./text.ts";

/** One link in a list. */
export function entry(item: SiteItem): Markup {
  const page = `links/${fileName(item.id)}.html`;
  const day = markup`<time datetime="${item.added_at}">${shortDayOf(item.added_at)}</time>`;
  return lines(
    markup`<article>`,
    markup`<a class="day" href="${page}" title="${dayOf(item.added_at)}">${day}</a>`,
    markup`<div${languageOf(item)}>`,
    markup`<h3 dir="auto">${outward(item, "title", item.title)}</h3>`,
    when(item.host, (host) => markup`<p class="host">${host}</p>`),
    when(item.summary, (text) => markup`<p class="summary" dir="auto">${text}</p>`),
    when(detailsOf(item).length > 0, () => markup`<a class="more" lang="en" href="${page}">Read more</a>`),
    tagList(item),
    markup`</div>`,
    markup`</article>`,
  );
}
