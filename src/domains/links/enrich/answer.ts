import type { Content, Enrichment } from "../ports.ts";
import { languageCode, UNKNOWN_LANGUAGE } from "./language.ts";
import type { Answer } from "./schema.ts";
import { cleanSummary, LONG_SUMMARY, SHORT_SUMMARY } from "./summary.ts";
import { cleanTags } from "./tags.ts";

/** What is kept of a model's answer: nothing it says reaches an event unchecked. */
export function enrichmentOf(
  answer: Answer,
  content: Content,
  catalog: readonly string[],
  modelVersion: string,
): Enrichment {
  const short = cleanSummary(answer.summary_short, SHORT_SUMMARY);
  return {
    tags: cleanTags(answer.tags, catalog),
    summaryShort: short,
    summaryLong: cleanSummary(answer.summary_long ?? "", LONG_SUMMARY) || short,
    language: languageCode(answer.language) ?? languageCode(content.language) ?? UNKNOWN_LANGUAGE,
    modelVersion,
  };
}
