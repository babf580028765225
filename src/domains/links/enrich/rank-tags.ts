import type { Content } from "../ports.ts";
import { type Candidate, catalogCandidates, freeCandidates } from "./candidates.ts";
import { isCommon } from "./common-words.ts";
import { stopWords } from "./stop-words.ts";
import { catalogByKey, cleanTags, tagKey, tagOf } from "./tags.ts";
import { tokenize } from "./tokens.ts";

/** So many tags serve a page without a person looking: more of them are mostly wrong. */
const WANTED = 5;
/** The first part of a text, in characters, tells its topic more than the rest. */
const OPENING = 600;

/** A longer title, in characters, is not one. */
const LONGEST_TITLE = 500;

/** What each kind of evidence is worth, tried out on pages with known tags. */
const WEIGHT = {
  /** Being in the title counts like so many doublings of the frequency. */
  title: 3,
  opening: 0.5,
  /** A tag in use against a word that is not. */
  catalog: 2.2,
  /** A phrase in use says more than a word; one that is not in use is as often an accident. */
  knownPhrase: 1.3,
  /** Everyday words. */
  common: 0.5,
  /** The most used tag of the catalog, falling off with its place in it. */
  popular: 1,
  /** Said once, and not in the title. */
  single: 0.4,
};

/** Tags that templates declare and that say nothing. */
const EMPTY_TAGS = new Set(["article", "blog", "default", "home", "index", "misc", "page", "post", "uncategorized"]);

/**
 * At most 5 clean tags for a page, best first: what the page declares, then tags in use and words found in it, weighted
 * by frequency (logarithmic, as one page has no corpus), title and position.
 */
export function rankTags(content: Content, text: string, language: string, catalog: readonly string[]): string[] {
  const found = rankFound(content.title, text, language, catalog);
  return cleanTags([...declaredTags(content, text), ...found], catalog).slice(0, WANTED);
}

/** What the page says of itself, the tags its own text bears out first: some templates declare the whole site. */
function declaredTags(content: Content, text: string): string[] {
  const words = new Set(tokenize(`${content.title.slice(0, LONGEST_TITLE)}\n${text}`).map((token) => token.key));
  const borneOut = (tag: string) => tag.split("-").every((part) => words.has(tagKey(part)));
  const tags = content.declaredTags.map(tagOf).filter((tag) => tag !== null && !EMPTY_TAGS.has(tag)) as string[];
  return [...tags.filter(borneOut), ...tags.filter((tag) => !borneOut(tag))].slice(0, WANTED);
}

function rankFound(title: string, text: string, language: string, catalog: readonly string[]): string[] {
  const [titleTokens, textTokens] = [tokenize(title.slice(0, LONGEST_TITLE)), tokenize(text)];
  const inUse = catalogByKey(catalog);
  const stops = stopWords(language);
  const scored: Scored[] = [];
  const rank = new Map([...inUse.keys()].map((key, index) => [key, index]));
  for (const found of catalogCandidates(titleTokens, textTokens, inUse).values()) {
    const tag = inUse.get(found.key);
    // A bare year in use may be somebody's own tag, but finding it in a text is no evidence for it.
    if (!tag || stops.has(found.name) || /^[\d-]+$/.test(tag)) continue;
    const popular = 1 + WEIGHT.popular / (1 + (rank.get(found.key) ?? 0) / 10);
    const phrase = found.length > 1 ? WEIGHT.knownPhrase : 1;
    scored.push({ tag, words: found.name, score: weigh(found) * WEIGHT.catalog * popular * phrase });
  }
  for (const found of freeCandidates(titleTokens, textTokens, stops).values()) {
    const tag = found.length > 1 && found.count < 2 ? null : tagOf(found.name);
    if (tag && !inUse.has(tagKey(tag))) scored.push({ tag, words: found.name, score: weigh(found) });
  }
  return withoutParts(scored.sort((a, b) => b.score - a.score));
}

/** A tag, the words of the page it comes from, and how much speaks for it. */
interface Scored {
  readonly tag: string;
  readonly words: string;
  readonly score: number;
}

function weigh(found: Candidate): number {
  const frequency = Math.log2(1 + found.count) + (found.inTitle ? WEIGHT.title : 0);
  const position = 1 + (found.firstAt < OPENING ? WEIGHT.opening : 0);
  const rarity = found.length === 1 && isCommon(found.name) ? WEIGHT.common : 1;
  const once = found.count < 2 && !found.inTitle ? WEIGHT.single : 1;
  return frequency * position * rarity * once;
}

/** Drops a word that a better phrase has already said (`learning` after `machine-learning`). */
function withoutParts(ranked: readonly Scored[]): string[] {
  const said = new Set<string>();
  const kept = ranked.filter(({ tag, words }) => {
    if (said.has(tagKey(tag))) return false;
    const parts = words.split(" ");
    if (parts.length > 1) for (const part of parts) said.add(tagKey(part));
    return true;
  });
  return kept.map(({ tag }) => tag);
}
