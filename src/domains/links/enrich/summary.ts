/** Length of a short summary in characters: one or two lines of a list. */
export const SHORT_SUMMARY = 200;
/** Length of a long summary in characters: a paragraph. */
export const LONG_SUMMARY = 600;

/** More than this is no summary; it is cut before any pattern runs over it. */
const MAX_INPUT = 8_000;
/** Control characters, bidirectional overrides and invisible ones: they can make text read differently than it is. */
const INVISIBLE =
  /[\p{Cc}\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb]/gu;

/**
 * Plain prose from what a model or a page says: no links, no markup, no control characters, one line, at most
 * `maxLength` characters, cut after a sentence or else after a word. Empty when nothing remains.
 */
export function cleanSummary(raw: string, maxLength: number): string {
  const text = raw.slice(0, MAX_INPUT).toWellFormed().replace(/\s+/gu, " ").replace(INVISIBLE, "");
  return capLength(tidy(untilStable(text, stripMarkup)), maxLength);
}

/** Cuts at the end of the last sentence that leaves at least half of the room used, else after a word, with `…`. */
export function capLength(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text;
  const room = text.slice(0, maxLength);
  const sentence = Math.max(...[". ", "! ", "? ", "。", "！", "？"].map((end) => room.lastIndexOf(end)));
  if (sentence >= maxLength / 2) return room.slice(0, sentence + 1);
  const cut = text.slice(0, maxLength - 1);
  const word = cut.lastIndexOf(" ");
  return `${(word > maxLength / 2 ? cut.slice(0, word) : cut).toWellFormed().replace(/[\s,;:\ufffd–-]+$/u, "")}…`;
}

function stripMarkup(text: string): string {
  return text
    .replace(/!\[[^\]]{0,500}\]\((?:[^()]|\([^()]{0,200}\)){0,2000}\)/g, "")
    .replace(/\[([^\]]{0,500})\]\((?:[^()]|\([^()]{0,200}\)){0,2000}\)/g, "$1")
    .replace(/<\/?[a-z!][^<>]{0,2000}>/gi, " ")
    .replace(/(?:[a-z][a-z0-9+.-]{0,20}:\/\/|\b(?:www\.|(?:javascript|data|mailto):))[^\s<>"')\]]+/gi, "")
    .replace(/(\*\*|__|~~|`+)(?=\S)/g, "")
    .replace(/(?<=\S)(\*\*|__|~~|`+)/g, "")
    .replace(/(?<![\p{L}\p{N}])([*_])(\S[^*_]{0,500})\1(?![\p{L}\p{N}])/gu, "$2")
    .replace(/(?:^|(?<=[.!?:] ))(?:#{1,6}|[>*•+-]) /g, "");
}

/** Removing one thing can put another together (`<scr<b>ipt>`), so it runs until nothing changes. */
function untilStable(text: string, change: (text: string) => string): string {
  for (let round = 0; round < 10; round++) {
    const next = change(text);
    if (next === text) return text;
    text = next;
  }
  return text.replace(/[<>[\]]/g, "");
}

/** Closes the holes that removed links leave. */
function tidy(text: string): string {
  return text
    .replace(/(^|\s)(?:\(\s*\)|\[\s*\])/g, "$1")
    .replaceAll("](", "] (")
    .replace(/ +([.,;:!?])(?=\s|$)/g, "$1")
    .replace(/ +\)/g, ")")
    .replace(/\s+/gu, " ")
    .trim();
}
