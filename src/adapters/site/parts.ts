import type { SiteItem } from "./item.ts";
import { type Markup, markup, when } from "./markup.ts";

/** Text that leads to the link itself, where that is safe; otherwise only the text. */
export function outward(item: SiteItem, className: string, text: string): Markup {
  if (!item.url) return markup`<span class="${className}">${text}</span>`;
  return markup`<a class="${className}" href="${item.url}" rel="noopener noreferrer nofollow">${text}</a>`;
}

/** The language of what others wrote, so that browsers hyphenate and read it right. */
export function languageOf(item: SiteItem): Markup | null {
  return when(item.language, (language) => markup` lang="${language}"`);
}

/** A link's tags, if it has any. */
export function tagList(item: SiteItem): Markup | null {
  if (item.tags.length === 0) return null;
  const tags = item.tags.map((tag) => markup`<li dir="auto">${tag}</li>`);
  return markup`<ul class="tags" aria-label="Tags">${tags}</ul>`;
}

/** The long summary's paragraphs; none where it only repeats the short one. */
export function detailsOf(item: SiteItem): string[] {
  return item.details === item.summary ? [] : item.details.split("\n").filter((text) => text !== "");
}
