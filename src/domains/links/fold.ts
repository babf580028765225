import { stateAdopted } from "../../engine/adopted.ts";
import type { StoredEvent } from "../../engine/event.ts";
import type { Adopted } from "../shared/adopt.ts";
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
    if (event.type === stateAdopted.type) {
      view = adopted(event as Adopted, view, defaultVisibility);
      continue;
    }
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

/** A link as another program left it: what the adoption does not name is as the earlier events have it. */
function adopted(event: Adopted, earlier: LinkView | null, defaultVisibility: Visibility): LinkView | null {
  const { links: link, link_content: content, link_metadata: metadata } = event.payload.rows;
  if (link === undefined) return earlier;
  if (link === null) return null;
  const addedAt = text(link.created_at) ?? earlier?.addedAt ?? event.occurredAt;
  const before = earlier ?? start(event, { url: text(link.url) ?? "", addedAt, visibility: defaultVisibility });
  const { url } = before;
  return {
    ...before,
    addedAt,
    visibility: oneOf(link.visibility, before.visibility),
    title: content === null ? url : (text(content?.title) ?? before.title),
    ...(metadata === undefined ? {} : tagged(metadata ?? NO_TAGS, before)),
    enriched: metadata === undefined ? before.enriched : metadata !== null,
    version: event.position ?? before.version,
  };
}

const NO_TAGS = { tags: [], summary_short: null, summary_long: null, language: null };

/** What an adoption changes of tags and summaries. */
function tagged(row: Record<string, unknown>, before: LinkView): Partial<LinkView> {
  const told = <T>(name: string, value: T, otherwise: T) => (name in row ? value : otherwise);
  return {
    tags: told("tags", Array.isArray(row.tags) ? row.tags.map(String) : [], before.tags),
    summaryShort: told("summary_short", text(row.summary_short) ?? "", before.summaryShort),
    summaryLong: told("summary_long", text(row.summary_long) ?? "", before.summaryLong),
    language: told("language", text(row.language), before.language),
    updatedAt: text(row.updated_at) ?? before.updatedAt,
  };
}

function added(event: StoredEvent, defaultVisibility: Visibility): LinkView {
  const visibility = oneOf(event.payload.visibility, defaultVisibility);
  return start(event, { url: String(event.payload.url), addedAt: event.occurredAt, visibility });
}

/** A link of which nothing but this is known. */
function start(event: StoredEvent, known: Pick<LinkView, "url" | "addedAt" | "visibility">): LinkView {
  return {
    ...known,
    subjectId: event.subjectId,
    ...notRead(known),
    ...NOT_ENRICHED,
    updatedAt: known.addedAt,
    version: event.position ?? 0,
  };
}

const NOT_ENRICHED = { tags: [], summaryShort: "", summaryLong: "", language: null, enriched: false };

const notRead = ({ url }: Pick<LinkView, "url">) => ({ title: url, description: null, siteName: null });

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
    case "link.cleaned":
      return { ...NOT_ENRICHED, ...(payload.scope === "content" ? notRead(view) : {}) };
    case "link.visibility_changed":
      return { visibility: oneOf(payload.visibility, view.visibility) };
    default:
      return null;
  }
}
