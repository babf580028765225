import { fold } from "./fold-text.ts";
import { singular, tagKey } from "./tags.ts";

/** A word of a page that could become (part of) a tag. */
export interface Token {
  /** Folded: lower case, no accents. */
  readonly word: string;
  /** The word with plural stripped: what counts as the same word. */
  readonly key: string;
  /** Whether only white space or a hyphen stands between it and the word before: then both may form a phrase. */
  readonly joined: boolean;
  /** Where it stands in the text, in characters. */
  readonly at: number;
}

/**
 * Latin words with inner dots, ampersands and trailing signs (`node.js`, `m&a`, `c++`). Words of other scripts are
 * passed over on purpose: no tag can be written in them, and Latin names inside them (`Kubernetes` in Chinese text)
 * are found this way without a word segmenter.
 */
const WORD = /[\p{Script=Latin}\p{N}]+(?:['’.&][\p{Script=Latin}\p{N}]+)*(?:\+\+|#(?![\p{L}\p{N}]))?/gu;

/** The words of a text in order. */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let end = -1;
  for (const match of text.normalize("NFC").matchAll(WORD)) {
    const gap = end < 0 ? null : match.input.slice(end, match.index);
    const word = fold(match[0])
      .replace(/['’]s$/, "")
      .replace(/['’]/g, "");
    tokens.push({
      word,
      key: singular(word),
      joined: gap !== null && /^(?: |-|\r?\n[ \t]?)$/.test(gap),
      at: match.index,
    });
    end = match.index + match[0].length;
  }
  return tokens;
}

/** The key of the phrase of `length` words from `start`, comparable with the key of a tag; null if it is broken. */
export function phraseKey(tokens: readonly Token[], start: number, length: number): string | null {
  let phrase = "";
  for (let i = start; i < start + length; i++) {
    const token = tokens[i];
    if (!token || (i > start && !token.joined)) return null;
    phrase += token.word.includes("&") ? token.word.replace(/&/g, "and") : token.word.replace(/[.+#]/g, "");
  }
  return tagKey(phrase);
}
