import { fold } from "./fold-text.ts";

/** The shape every tag has; what cannot be said in it is left out. */
export const TAG_PATTERN = /^[a-z0-9][a-z0-9-]{1,29}$/;
/** A link carries at most this many tags. */
export const MAX_TAGS = 7;
/** From this many tags on, a vocabulary counts as grown: then a page may add only `MAX_NEW_TAGS`. */
export const GROWN_CATALOG = 50;
/** What people complain about most in tagging tools is tag explosion, so a grown vocabulary grows slowly. */
export const MAX_NEW_TAGS = 2;

/** Names whose signs carry the meaning: without the sign `c#` would become another thing. */
const SPELLED_OUT: ReadonlyMap<string, string> = new Map([
  ["c++", "cpp"],
  ["c#", "csharp"],
  ["f#", "fsharp"],
  [".net", "dotnet"],
  ["asp.net", "aspnet"],
  ["node.js", "nodejs"],
  ["next.js", "nextjs"],
  ["vue.js", "vuejs"],
]);

/** The tag a text stands for (`Machine Learning` -> `machine-learning`), or null where it cannot be expressed. */
export function tagOf(raw: string): string | null {
  const name = fold(raw).trim().replace(/^#+/, "").trim();
  const spelled = SPELLED_OUT.get(name);
  if (spelled) return spelled;
  const tag = name
    .replace(/\b([a-z])\.(?=[a-z]\b)/g, "$1")
    .replace(/&/g, " and ")
    .replace(/['’"“”!?()[\],:;]/g, "")
    .replace(/[\s._/–—-]+/g, "-")
    .replace(/^-+|-+$/g, "");
  return TAG_PATTERN.test(tag) ? tag : null;
}

/** Singular of an English-looking word, for keys only: never shown, so `physics` -> `physic` does no harm. */
export function singular(word: string): string {
  if (word.length < 4 || /(?:ss|us|is)$/.test(word)) return word;
  if (word.endsWith("ies") && word.length > 4) return `${word.slice(0, -3)}y`;
  if (/(?:ch|sh|x|ss|zz)es$/.test(word)) return word.slice(0, -2);
  return word.endsWith("s") ? word.slice(0, -1) : word;
}

/** What makes two tags the same one: case, `-`, `_`, spaces and plural do not count. */
export function tagKey(tag: string): string {
  return singular(fold(tag).replace(/[-_\s]+/g, ""));
}

/**
 * The one place where tags become tags: brought to the pattern, mapped to the spelling in use, without doubles, at
 * most 7 and at most 2 new ones once the catalog has 50. Bare numbers are tags only when the catalog has them.
 * `catalog`: tags in use, most used first, so of two spellings in use the more used one wins.
 */
export function cleanTags(raw: readonly string[], catalog: readonly string[]): string[] {
  const inUse = catalogByKey(catalog);
  const roomForNew = inUse.size >= GROWN_CATALOG ? MAX_NEW_TAGS : MAX_TAGS;
  const tags = new Map<string, string>();
  let added = 0;
  for (const candidate of raw) {
    const tag = tagOf(candidate);
    if (!tag) continue;
    const key = tagKey(tag);
    const known = inUse.get(key);
    if (tags.has(key) || (!known && (/^[\d-]+$/.test(tag) || added >= roomForNew))) continue;
    if (!known) added++;
    tags.set(key, known ?? tag);
    if (tags.size === MAX_TAGS) break;
  }
  return [...tags.values()];
}

/** The vocabulary in use by key; entries that are no tags (written by something older) are left out. */
export function catalogByKey(catalog: readonly string[]): Map<string, string> {
  const byKey = new Map<string, string>();
  for (const tag of catalog) {
    if (TAG_PATTERN.test(tag) && !byKey.has(tagKey(tag))) byKey.set(tagKey(tag), tag);
  }
  return byKey;
}
