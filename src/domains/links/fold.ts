import type { StoredEvent } from "../../engine/event.ts";
import type { Visibility } from "./subject.ts";

/** A link as its events tell it: what the publisher shows, independent of any table. */
export interface LinkView {
  readonly subjectId: string;
  readonly url: string;
  readonly title: string;
  readonly description: string | null;
  readonly siteName: string | null;
  readonly tags: readonly string[];
  readonly summaryShort: string;
  readonly summaryLong: string;
  readonly language: string | null;
  /** Tags and summary are there. */
  readonly enriched: boolean;
  readonly visibility: Visibility;
  readonly addedAt: string;
  readonly updatedAt: string;
  /** The ledger position of the last event that changed it. */
  readonly version: number;
}

const text = (value: unknown): string | null => (typeof value === "string" && value.trim() !== "" ? value : null);
const oneOf = (value: unknown, otherwise: Visibility): Visibility =>
  value === "public" || value === "private" ? value : otherwise;

/** Folds the events of one link, in ledger order. Null until the link was added. */
export function foldLink(events: readonly StoredEvent[], defaultVisibility: Visibility): LinkView | null {
  let view = null as LinkView | null;
  for (const event of events) {
    const payload = event.payload;
    if (event.type === "link.added") {
      view = view
        ? { ...view, visibility: oneOf(payload.visibility, view.visibility) }
        : added(event, defaultVisibility);
      continue;
    }
    if (!view) continue;
    const change = changeOf(event, view);
    if (change) view = { ...view, ...change, updatedAt: event.occurredAt, version: event.position ?? view.version };
  }
  return view;
}

function added(event: StoredEvent, defaultVisibility: Visibility): LinkView {
  const url = String(event.payload.url);
  return {
    subjectId: event.subjectId,
    url,
    title: url,
    description: null,
    siteName: null,
    tags: [],
    summaryShort: "",
    summaryLong: "",
    language: null,
    enriched: false,
    visibility: oneOf(event.payload.visibility, defaultVisibility),
    addedAt: event.occurredAt,
    updatedAt: event.occurredAt,
    version: event.position ?? 0,
  };
}

function changeOf(event: StoredEvent, view: LinkView): Partial<LinkView> | null {
  const payload = event.payload;
  switch (event.type) {
    case "content.fetched":
      if (text(payload.fetch_error)) return null;
      return {
        title: text(payload.title) ?? view.title,
        description: text(payload.description),
        siteName: text(payload.site_name),
      };
    case "enrichment.completed":
      return {
        tags: Array.isArray(payload.tags) ? payload.tags.map(String) : [],
        summaryShort: text(payload.summary_short) ?? text(payload.summary) ?? "",
        summaryLong: text(payload.summary_long) ?? "",
        language: text(payload.language),
        enriched: true,
      };
    case "link.visibility_changed":
      return { visibility: oneOf(payload.visibility, view.visibility) };
    default:
      return null;
  }
}
