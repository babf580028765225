import type { Payload } from "../../src/engine/event.ts";
import type { Fact } from "./ledger.ts";

/** How a link stands after some of its events. */
export interface Link {
  readonly subjectId: string;
  readonly url: string;
  readonly urlNorm: string;
  readonly source: string;
  readonly addedAt: string;
  readonly firstAddedAt: string;
  readonly visibility: string;
  readonly content?: { readonly payload: Payload; readonly at: string };
  readonly metadata?: { readonly payload: Payload; readonly at: string };
  readonly publish?: { readonly desired: number; readonly published: number; readonly at: string | null };
  /** Work that was given up and that nothing has made good since. */
  readonly failedWork: string | null;
  readonly retryCount: number;
  readonly lastError: string | null;
  readonly lastErrorAt: string | null;
}

/** A link when it was first added. */
export function added({ subjectId, payload, source, at }: Fact, urlNorm: string, visibility: string): Link {
  return {
    subjectId,
    url: String(payload.url),
    urlNorm,
    source: String(payload.source ?? source),
    addedAt: at,
    firstAddedAt: at,
    visibility: String(payload.visibility ?? visibility),
    failedWork: null,
    retryCount: 0,
    lastError: null,
    lastErrorAt: null,
  };
}

/** What an event makes of a link. */
export function next(link: Link, fact: Fact): Link {
  const after = change(link, fact);
  const { content } = after;
  if (!content || after.failedWork) return after;
  const said = content.payload.fetch_error;
  return { ...after, lastError: said ? String(said) : null, lastErrorAt: said ? content.at : null };
}

function change(link: Link, { type, payload, at, position }: Fact): Link {
  switch (type) {
    case "link.added": {
      const firstAddedAt = Date.parse(at) < Date.parse(link.firstAddedAt) ? at : link.firstAddedAt;
      return { ...link, firstAddedAt, visibility: String(payload.visibility ?? link.visibility) };
    }
    case "content.fetched": {
      const read = { ...link, content: { payload, at } };
      return payload.fetch_error ? read : madeGood(wanted(read, position), ["fetch_link"]);
    }
    case "enrichment.completed": {
      const publish = link.publish ?? { desired: 0, published: 0, at: null };
      const tagged = { ...link, metadata: { payload, at }, publish };
      return madeGood(wanted(tagged, position), ["fetch_link", "enrich_link"]);
    }
    case "publish.completed":
      return madeGood({ ...link, publish: published(link, payload, at, position) }, ["publish_link"]);
    case "link.visibility_changed":
      return wanted({ ...link, visibility: String(payload.visibility) }, position);
    case "link.cleaned":
      return madeGood(wanted(cleaned(link, payload), position), ["fetch_link", "enrich_link", "publish_link"]);
    case "work.failed":
      return failed(link, payload, at);
    default:
      return link;
  }
}

function cleaned({ content, metadata: _, ...link }: Link, { scope }: Payload): Link {
  if (scope !== "content") return content ? { ...link, content } : link;
  return link.failedWork ? link : { ...link, lastError: null, lastErrorAt: null };
}

/** What the site shows is out of date from this position on. */
function wanted(link: Link, position: number): Link {
  const { publish } = link;
  return publish ? { ...link, publish: { ...publish, desired: Math.max(publish.desired, position) } } : link;
}

function published({ publish }: Link, payload: Payload, at: string, position: number) {
  const version = Number(payload.version ?? position);
  const when = String(payload.published_at ?? at);
  const later = !publish?.at || Date.parse(publish.at) < Date.parse(when) ? when : publish.at;
  return {
    desired: publish?.desired ?? version,
    published: Math.max(publish?.published ?? version, version),
    at: later,
  };
}

function madeGood(link: Link, work: readonly string[]): Link {
  if (!link.failedWork || !work.includes(link.failedWork)) return link;
  return { ...link, failedWork: null, lastError: null, lastErrorAt: null };
}

function failed(link: Link, payload: Payload, at: string): Link {
  const { work_type, attempt } = payload.work_message as { work_type: string; attempt: number };
  return { ...link, failedWork: work_type, retryCount: attempt, lastError: String(payload.error), lastErrorAt: at };
}

/** How far a link is, as everybody reads it. */
export function statusOf({ failedWork, content, metadata, publish }: Link): string {
  if (failedWork || content?.payload.fetch_error) return "error";
  if (publish?.at && publish.desired <= publish.published) return "published";
  if (metadata) return "enriched";
  return content ? "fetched" : "new";
}
