import type { StoredEvent } from "../../engine/event.ts";
import type { LinkView } from "./fold.ts";

/** A response body as it came, within the client's caps. */
export interface FetchedPage {
  readonly finalUrl: string;
  readonly contentType: string;
  readonly body: Uint8Array;
}

/**
 * Reads one page from the outside world, guarded: addresses checked and pinned, deadlines, size caps, redirects
 * rechecked. Throws TerminalError, RetryLaterError or RetryableError with an errorClass.
 */
export interface PageClient {
  get(url: string, options: { signal: AbortSignal }): Promise<FetchedPage>;
}

/** What a page says, cleaned. */
export interface ExtractedPage {
  readonly title: string;
  readonly text: string;
  readonly description: string | null;
  readonly declaredTags: readonly string[];
  readonly language: string | null;
  readonly siteName: string | null;
}

/** Turns bytes into title and text, in a place that can be killed when a page is hostile. */
export interface Extractor {
  extract(page: FetchedPage, options: { signal: AbortSignal }): Promise<ExtractedPage>;
  close(): Promise<void>;
}

/** What an enricher looks at. */
export interface Content {
  readonly url: string;
  readonly title: string;
  readonly text: string;
  readonly description: string | null;
  readonly declaredTags: readonly string[];
  readonly language: string | null;
}

export interface Enrichment {
  readonly tags: readonly string[];
  readonly summaryShort: string;
  readonly summaryLong: string;
  readonly language: string;
  /** Who made it: `<model>` or `local/<method>@<version>`. */
  readonly modelVersion: string;
}

/** Tags and summarizes; a language model or the offline one. `catalog` is the vocabulary in use, most used first. */
export interface Enricher {
  enrich(content: Content, options: { signal: AbortSignal; catalog: readonly string[] }): Promise<Enrichment>;
}

/** What the agents read of the ledger and the catalog. */
export interface LinkLedger {
  event(id: string): Promise<StoredEvent | null>;
  eventsOf(subjectId: string): Promise<StoredEvent[]>;
  /** Tags in use, most used first. */
  tagCatalog(): Promise<string[]>;
  /** Subject ids of links that are public and were published, newest first: what the site is to show. */
  published(): Promise<string[]>;
}

/** The public face: pages and feeds of what is public. Every write is atomic and idempotent. */
export interface Site {
  /** Shows the link as it is now, and brings index and feeds up to date. */
  put(link: LinkView): Promise<void>;
  /** The same for several at once. */
  putAll(links: readonly LinkView[]): Promise<void>;
  /** Those of the links that it does not show. */
  lacking(subjectIds: readonly string[]): Promise<string[]>;
  /** Takes the link off every page and feed; nothing happens if it is not there. */
  remove(subjectId: string): Promise<void>;
}
