/**
 * Scripts where about every character is a token of its own. Everything else is counted at four characters a token,
 * the usual figure for English; other alphabets lie between, so they are counted at two.
 */
const DENSE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}\p{Extended_Pictographic}]/u;
const LATIN = /[\p{ASCII}\p{Script=Latin}]/u;

function tokensOf(character: string): number {
  if (LATIN.test(character)) return 0.25;
  return DENSE.test(character) ? 1 : 0.5;
}

/** A careful guess at how many tokens a model sees; no tokenizer, since each model has another. */
export function estimateTokens(text: string): number {
  let tokens = 0;
  for (const character of text) tokens += tokensOf(character);
  return Math.ceil(tokens);
}

/** The beginning of a text that fits in about `maxTokens`, cut between characters and, where near, after a word. */
export function truncateToTokens(text: string, maxTokens: number): string {
  let tokens = 0;
  let length = 0;
  for (const character of text) {
    tokens += tokensOf(character);
    if (tokens > maxTokens) return afterWord(text.slice(0, length));
    length += character.length;
  }
  return text;
}

function afterWord(text: string): string {
  const space = text.search(/\s\S{0,30}$/);
  return space > 0 ? text.slice(0, space) : text;
}
