import { stopWords } from "./stop-words.ts";
import { capLength, cleanSummary, LONG_SUMMARY, SHORT_SUMMARY } from "./summary.ts";
import { tokenize } from "./tokens.ts";

/** Summaries are made of the beginning of a text: there the writer says what it is about. */
const OPENING = 8_000;
/** A description shares at least this part of its words with the page, or it is the site's, not the page's. */
const SHARED_WORDS = 0.5;
const SHORTEST_SENTENCE = 40;
/** Scripts without spaces say more in fewer characters. */
const SHORTEST_DENSE_SENTENCE = 12;
const DENSE = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}]/u;

/** What pages say around their content. */
const BOILERPLATE =
  /\b(?:cookies?|subscribe|newsletter|sign (?:up|in)|log ?in|javascript|all rights reserved|copyright|photo(?:graph)? (?:by|credit)|click here|read more|terms of (?:use|service)|privacy policy|affiliate|advertisement|share this|abonnez|anmelden|datenschutz)\b|©/i;

/** Short and long summary in the page's own words: its description where that fits the text, then first sentences. */
export function localSummaries(
  page: { title: string; description: string | null; text: string },
  language: string,
): { short: string; long: string } {
  const opening = page.text.slice(0, OPENING);
  const description = fittingDescription(page.description, `${page.title} ${page.text}`, language);
  const sentences = goodSentences(opening, page.title).filter((sentence) => !description?.includes(sentence));
  const parts = description ? [description, ...sentences] : sentences;
  if (parts.length === 0) parts.push(cleanSummary(opening, LONG_SUMMARY) || cleanSummary(page.title, LONG_SUMMARY));
  return { short: join(parts, SHORT_SUMMARY), long: join(parts, LONG_SUMMARY) };
}

function fittingDescription(raw: string | null, page: string, language: string): string | null {
  const description = cleanSummary(raw ?? "", LONG_SUMMARY);
  const dense = DENSE.test(description);
  if (description.length < (dense ? SHORTEST_DENSE_SENTENCE : SHORTEST_SENTENCE)) return null;
  if (dense) return description;
  const stops = stopWords(language);
  const inPage = new Set(tokenize(page.slice(0, 50_000)).map((token) => token.key));
  const words = tokenize(description).filter((token) => !stops.has(token.word));
  const shared = words.filter((token) => inPage.has(token.key)).length;
  return words.length === 0 || shared / words.length >= SHARED_WORDS ? description : null;
}

function goodSentences(text: string, title: string): string[] {
  const segmenter = new Intl.Segmenter(undefined, { granularity: "sentence" });
  const sentences: string[] = [];
  for (const block of text.split(/\n+/)) {
    for (const { segment } of segmenter.segment(block)) {
      const sentence = cleanSummary(segment, LONG_SUMMARY);
      if (isGood(sentence) && sentence !== title && !sentences.includes(sentence)) sentences.push(sentence);
    }
  }
  return sentences;
}

function isGood(sentence: string): boolean {
  if (sentence.length < (DENSE.test(sentence) ? SHORTEST_DENSE_SENTENCE : SHORTEST_SENTENCE)) return false;
  if (!/[.!?…。！？]["”’»)]?$/u.test(sentence) || BOILERPLATE.test(sentence)) return false;
  const letters = sentence.match(/[\p{L}\s]/gu)?.length ?? 0;
  return letters / sentence.length > 0.75;
}

/** As many whole sentences as fit; the first one is cut when it alone is too long. */
function join(sentences: readonly string[], maxLength: number): string {
  let text = capLength(sentences[0] ?? "", maxLength);
  for (const sentence of sentences.slice(1)) {
    if (text.endsWith("…") || text.length + 1 + sentence.length > maxLength) break;
    text += DENSE.test(sentence) ? sentence : ` ${sentence}`;
  }
  return text;
}
