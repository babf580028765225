import { decodeReferences } from "./entities.ts";
import { type Metadata, squeeze } from "./metadata.ts";

/** Share of an h1's words that another title of the page must have, so that the h1 counts as the title. */
const SHARED_WORDS = 0.75;

/** What sites put between a page's title and their own name. */
const SEPARATOR = /\s+(?:[|·•»«–—:~/]|-{1,2}|::|\|\|)\s+/;

/**
 * A page's title: an h1 that another title of the page confirms; else the JSON-LD headline; else the only h1; else
 * Open Graph's or the title element, without the site's name. Empty when the page has none.
 */
export function titleOf(metadata: Metadata, headings: readonly string[], hostname: string): string {
  const { ogTitle, titleElement, headline, siteName } = metadata;
  const others = [ogTitle, titleElement, headline].filter((title) => title !== null);
  const candidates = headings.map(squeeze).filter((text) => text && !isSiteName(text, siteName, hostname));
  const confirmed = fullest(
    candidates.filter((text) => others.some((other) => sharedWords(text, other) >= SHARED_WORDS)),
  );
  const only = new Set(candidates).size === 1 ? candidates[0] : undefined;
  const declared = [ogTitle, titleElement].find((title) => title);
  const title = confirmed ?? headline ?? only ?? (declared ? withoutSiteName(declared, siteName, hostname) : "");
  return squeeze(decodeReferences(title));
}

/** The one with the most words: a section's name may be part of a title too. */
function fullest(texts: readonly string[]): string | undefined {
  return texts.toSorted((a, b) => wordsOf(b).length - wordsOf(a).length)[0];
}

function sharedWords(text: string, other: string): number {
  const words = wordsOf(text);
  const known = new Set(wordsOf(other));
  return words.length === 0 ? 0 : words.filter((word) => known.has(word)).length / words.length;
}

/** Takes the site's name off either end of a title. */
function withoutSiteName(title: string, siteName: string | null, hostname: string): string {
  const parts = title.split(SEPARATOR);
  const separators = title.match(new RegExp(SEPARATOR, "g")) ?? [];
  const last = parts.at(-1) ?? "";
  const first = parts[0] ?? "";
  if (parts.length < 2) return title;
  if (isSiteName(last, siteName, hostname)) return title.slice(0, -(last.length + (separators.at(-1)?.length ?? 0)));
  if (isSiteName(first, siteName, hostname)) return title.slice(first.length + (separators[0]?.length ?? 0));
  return title;
}

/** Whether a text is the site's name: as declared, or as its domain spells it. */
function isSiteName(text: string, siteName: string | null, hostname: string): boolean {
  const name = compact(text);
  if (!name) return false;
  if (siteName && name === compact(siteName)) return true;
  const domain = hostname.replace(/^www\./, "");
  return (
    name === compact(domain) ||
    domain
      .split(".")
      .slice(0, -1)
      .some((label) => name === compact(label))
  );
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
}

function compact(text: string): string {
  return wordsOf(text).join("");
}
