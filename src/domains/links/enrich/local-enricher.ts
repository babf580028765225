import type { Content, Enricher } from "../ports.ts";
import { detectLanguage } from "./language.ts";
import { localSummaries } from "./local-summary.ts";
import { dropCode } from "./plain-text.ts";
import { rankTags } from "./rank-tags.ts";

/** Raise the number whenever the same page would get another answer. */
export const LOCAL_MODEL_VERSION = "local/keywords@1";

/** Tags and summarizes without any service, so that the pipeline runs before a key is set; it calls nobody. */
export function createLocalEnricher(): Enricher {
  return {
    async enrich(content: Content, { signal, catalog }) {
      signal.throwIfAborted();
      const text = dropCode(content.text);
      const language = await detectLanguage(`${content.title}\n${text}`, content.language);
      const { short, long } = localSummaries({ ...content, text }, language);
      return {
        tags: rankTags(content, text, language, catalog),
        summaryShort: short,
        summaryLong: long,
        language,
        modelVersion: LOCAL_MODEL_VERSION,
      };
    },
  };
}
