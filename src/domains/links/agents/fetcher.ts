import type { Agent } from "../../../engine/agent.ts";
import type { NewEvent } from "../../../engine/event.ts";
import { contentFetched } from "../events.ts";
import type { ExtractedPage, Extractor, PageClient } from "../ports.ts";
import { fetchLink } from "../work.ts";

/** Longer than the page client's 20 s, the parser's 10 s and a fair wait for the host's turn together. */
const TIMEOUT_MS = 35_000;

interface FetchLink extends Record<string, unknown> {
  url: string;
  cleaned_by?: string | null | undefined;
}

/** Reads a link's page and reports what it says as `content.fetched`. */
export function createFetcher({ pages, extractor }: { pages: PageClient; extractor: Extractor }): Agent<FetchLink> {
  return {
    name: "fetcher",
    group: "fetcher-agent-v2",
    handles: fetchLink,
    concurrency: 8,
    timeoutMs: TIMEOUT_MS,
    async run({ subjectId, payload }, { signal }) {
      const page = await pages.get(payload.url, { signal });
      const content = contentEvent(subjectId, page.finalUrl, await extractor.extract(page, { signal }));
      const { cleaned_by } = payload;
      return [cleaned_by ? { ...content, payload: { ...content.payload, cleaned_by } } : content];
    },
  };
}

function contentEvent(subjectId: string, finalUrl: string, page: ExtractedPage): NewEvent {
  return {
    type: contentFetched.type,
    subject: contentFetched.subject,
    subjectId,
    payload: {
      final_url: storable(finalUrl),
      title: storable(page.title),
      text_content: storable(page.text),
      html_storage_key: null,
      fetch_error: null,
      description: page.description === null ? null : storable(page.description),
      declared_tags: page.declaredTags.map(storable),
      language: page.language === null ? null : storable(page.language),
      site_name: page.siteName === null ? null : storable(page.siteName),
    },
  };
}

/** Postgres refuses NUL in text and lone surrogates in JSON, and pages do contain both. */
function storable(text: string): string {
  return text.replaceAll("\0", "").toWellFormed();
}
