import type { Agent } from "../../../engine/agent.ts";
import { TerminalError } from "../../../engine/errors.ts";
import type { NewEvent, Payload } from "../../../engine/event.ts";
import type { Work } from "../../../engine/work.ts";
import { contentHash } from "../content-hash.ts";
import { UNKNOWN_LANGUAGE } from "../enrich/language.ts";
import { createLocalEnricher } from "../enrich/local-enricher.ts";
import { contentFetched, enrichmentCompleted } from "../events.ts";
import type { Content, Enricher, Enrichment, LinkLedger } from "../ports.ts";
import { enrichLink } from "../work.ts";

/** Pages with fewer characters (a captcha, an empty shell) are not worth a model's time. */
const TINY_TEXT = 40;

type EnrichLink = Payload & { content_event_id: string; content_hash: string };

/**
 * Tags and summarizes what was read of a link.
 * @param parts.enricher who does it: a language model or the offline enricher
 * @param parts.local who does it for pages with next to no text; the offline one unless told otherwise
 * @param parts.timeoutMs deadline of one attempt, to be above the model's own; 120 s unless told otherwise
 */
export function createEnricher(parts: {
  ledger: LinkLedger;
  enricher: Enricher;
  local?: Enricher;
  timeoutMs?: number;
}): Agent<EnrichLink> {
  const { ledger, enricher, local = createLocalEnricher(), timeoutMs = 120_000 } = parts;
  return {
    name: "enricher",
    group: "enricher-agent-v2",
    handles: enrichLink,
    concurrency: 4,
    timeoutMs,
    reads: ["events", "tag_catalog", "link_metadata"],
    async run(work, { signal }) {
      const payload = await contentOf(work, ledger);
      const content = toContent(payload);
      const chosen = content.text.trim().length < TINY_TEXT ? local : enricher;
      const enrichment = await chosen.enrich(content, { signal, catalog: await ledger.tagCatalog() });
      return [completed(work, enrichment, contentHash(payload))];
    },
  };
}

async function contentOf(work: Work<EnrichLink>, ledger: LinkLedger): Promise<Payload> {
  const id = work.payload.content_event_id;
  const event = await ledger.event(id);
  if (!event) throw new TerminalError(`The content to enrich, event ${id}, is not in the ledger.`, "missing_content");
  if (event.type !== contentFetched.type || event.subjectId !== work.subjectId) {
    const found = `${event.type} of ${event.subjectId}`;
    throw new TerminalError(`Event ${id} is ${found}, not content of ${work.subjectId}.`, "wrong_content");
  }
  if (text(event.payload.fetch_error)) {
    throw new TerminalError(`Event ${id} says that the page could not be read; nothing to enrich.`, "missing_content");
  }
  return event.payload;
}

function toContent(payload: Payload): Content {
  const declared = payload.declared_tags;
  return {
    url: text(payload.final_url),
    title: text(payload.title),
    text: text(payload.text_content),
    description: text(payload.description) || null,
    declaredTags: Array.isArray(declared) ? declared.filter((tag) => typeof tag === "string") : [],
    language: text(payload.language) || null,
  };
}

function completed(work: Work<EnrichLink>, enrichment: Enrichment, hash: string): NewEvent {
  return {
    type: enrichmentCompleted.type,
    subject: enrichmentCompleted.subject,
    subjectId: work.subjectId,
    payload: {
      tags: [...enrichment.tags],
      summary_short: enrichment.summaryShort,
      summary_long: enrichment.summaryLong,
      language: enrichment.language === UNKNOWN_LANGUAGE ? null : enrichment.language,
      model_version: enrichment.modelVersion,
      content_hash: hash,
    },
  };
}

const text = (value: unknown): string => (typeof value === "string" ? value : "");
