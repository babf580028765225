import { isCommon } from "./common-words.ts";
import { phraseKey, type Token } from "./tokens.ts";

/** A word or phrase of a page with what speaks for it as a tag. */
export interface Candidate {
  /** As `tagKey` makes it. */
  readonly key: string;
  /** How the page writes it, folded. */
  readonly name: string;
  /** Words in it. */
  readonly length: number;
  /** How often the text has it. */
  count: number;
  /** Whether the title has it. */
  inTitle: boolean;
  /** Where the text has it first, in characters; Infinity: only the title has it. */
  firstAt: number;
}

/** Longest phrase that is looked up in the catalog, in words. */
const LONGEST_PHRASE = 4;
const LONGEST_WORD = 24;

/** Every phrase of title and text that is a tag in use, by key. */
export function catalogCandidates(
  title: readonly Token[],
  text: readonly Token[],
  inUse: ReadonlyMap<string, string>,
): Map<string, Candidate> {
  return collect(title, text, (tokens, start, found) => {
    for (let length = 1; length <= LONGEST_PHRASE; length++) {
      const key = phraseKey(tokens, start, length);
      if (key === null) return;
      if (inUse.has(key)) found(key, length);
    }
  });
}

/** Every word and every pair of words that could name a topic, by key. */
export function freeCandidates(
  title: readonly Token[],
  text: readonly Token[],
  stops: ReadonlySet<string>,
): Map<string, Candidate> {
  const names = (token: Token | undefined): boolean => token !== undefined && namesTopic(token.word, stops);
  return collect(title, text, (tokens, start, found) => {
    const [first, second] = [tokens[start], tokens[start + 1]];
    if (!first || !names(first)) return;
    if (!isCommon(first.word)) found(first.key, 1);
    if (!second?.joined || !names(second) || (isCommon(first.word) && isCommon(second.word))) return;
    const key = phraseKey(tokens, start, 2);
    if (key !== null) found(key, 2);
  });
}

function namesTopic(word: string, stops: ReadonlySet<string>): boolean {
  return word.length >= 3 && word.length <= LONGEST_WORD && /[a-z]/.test(word) && !/^\d/.test(word) && !stops.has(word);
}

type Find = (key: string, length: number) => void;

function collect(
  title: readonly Token[],
  text: readonly Token[],
  visit: (tokens: readonly Token[], start: number, found: Find) => void,
): Map<string, Candidate> {
  const all = new Map<string, Candidate>();
  const note = (tokens: readonly Token[], start: number, key: string, length: number): Candidate => {
    const known = all.get(key);
    if (known) return known;
    const name = tokens
      .slice(start, start + length)
      .map((token) => token.word)
      .join(" ");
    const fresh = { key, name, length, count: 0, inTitle: false, firstAt: Number.POSITIVE_INFINITY };
    all.set(key, fresh);
    return fresh;
  };
  // Text first: a title in capitals or with a plural should not decide how the tag is written.
  for (const [start, token] of text.entries()) {
    visit(text, start, (key, length) => {
      const candidate = note(text, start, key, length);
      candidate.count++;
      candidate.firstAt = Math.min(candidate.firstAt, token.at);
    });
  }
  for (const start of title.keys()) {
    visit(title, start, (key, length) => {
      note(title, start, key, length).inTitle = true;
    });
  }
  return all;
}
