/** BCP 47 for "undetermined". */
export const UNKNOWN_LANGUAGE = "und";
/** Fewer letters than this say too little: the page's own word counts more than a guess. */
const ENOUGH_LETTERS = 30;
/** Enough of a page to know its language; the rest would only cost time. */
const SAMPLE = 4_000;

/** ISO 639 code from what a page or model says (`en-US`, `EN_us` -> `en`), or null. */
export function languageCode(raw: string | null | undefined): string | null {
  const code = /^([a-z]{2,3})(?:[-_].*)?$/i.exec(raw?.trim() ?? "")?.[1]?.toLowerCase();
  return code && code !== UNKNOWN_LANGUAGE ? code : null;
}

/**
 * The language of a text as ISO 639-1. Short text falls back to the declared language, since guesses on a few words
 * are often wrong and a declared one is sometimes only the site's template. `und` when nothing is known.
 */
export async function detectLanguage(text: string, declared: string | null): Promise<string> {
  const sample = text.slice(0, SAMPLE).toWellFormed();
  const stated = languageCode(declared);
  const letters = sample.match(/\p{L}/gu)?.length ?? 0;
  if (letters === 0) return stated ?? UNKNOWN_LANGUAGE;
  if (stated && letters < ENOUGH_LETTERS) return stated;
  // Loaded at first use: its tables take 100 MB and a third of a second, which a process with a model never needs.
  const { eld } = await import("eld/medium");
  const found = eld.detect(sample);
  if (!found.isReliable() && (stated || letters < ENOUGH_LETTERS)) return stated ?? UNKNOWN_LANGUAGE;
  return found.language || stated || UNKNOWN_LANGUAGE;
}
