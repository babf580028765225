import type { Agent } from "../../engine/agent.ts";
import type { Capture, Domain } from "../../engine/domain.ts";
import { UserError } from "../../engine/errors.ts";
import {
  captureId,
  contentFetched,
  enrichmentCompleted,
  linkAdded,
  linkCleaned,
  linkVisibilityChanged,
  publishCompleted,
} from "./events.ts";
import { linksApi } from "./pages/index.ts";
import { linksProjection } from "./projections.ts";
import { linkRoutes } from "./routes.ts";
import { linkSubjectId, normalizeUrl, type Visibility } from "./subject.ts";

export interface LinksOptions {
  /** For links whose capture does not say who may see them. */
  readonly defaultVisibility: Visibility;
  // biome-ignore lint/suspicious/noExplicitAny: a list of differently typed agents
  readonly agents: readonly Agent<any>[];
}

/** Pages worth keeping: read, tagged, summarized, and published where they are public. */
export function links({ defaultVisibility, agents }: LinksOptions): Domain {
  return {
    name: "links",
    events: [linkAdded, contentFetched, enrichmentCompleted, publishCompleted, linkVisibilityChanged, linkCleaned],
    projections: [linksProjection(defaultVisibility)],
    routes: linkRoutes,
    agents,
    captures: [captureLink],
    api: linksApi(linkAddedEvent, defaultVisibility),
  };
}

/** Postgres cannot index more than 2,704 bytes, and `url_norm` is unique. */
const MAX_URL_BYTES = 2_000;

/** The event that saves a link. The same URL is the same event, however often it is shared. */
export function linkAddedEvent(link: { url: string; source: string; visibility?: Visibility | undefined }) {
  if (!isWebUrl(link.url))
    throw new UserError(`"${link.url}" is no web address: it must start with http:// or https://`, 2);
  const { username, password } = new URL(link.url);
  if (username || password) {
    throw new UserError("the address has a user name or password in it: leave them out, they are not kept", 2);
  }
  const urlNorm = normalizeUrl(link.url);
  if (Buffer.byteLength(urlNorm) > MAX_URL_BYTES) {
    throw new UserError(`the address is longer than ${MAX_URL_BYTES} characters`, 2);
  }
  const subjectId = linkSubjectId(urlNorm);
  return {
    id: captureId(subjectId),
    type: linkAdded.type,
    subject: linkAdded.subject,
    subjectId,
    source: link.source,
    payload: {
      url: link.url,
      url_norm: urlNorm,
      source: link.source,
      ...(link.visibility ? { visibility: link.visibility } : {}),
    },
  };
}

function isWebUrl(url: string): boolean {
  return URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
}

const captureLink: Capture = {
  name: "link",
  usage: "URL [--public|--private]",
  summary: "a web page to read, tag and keep",
  parse(words, { source }) {
    const flags = words.filter((word) => word.startsWith("--"));
    const [url, ...rest] = words.filter((word) => !word.startsWith("--"));
    const unknown = flags.find((flag) => flag !== "--public" && flag !== "--private") ?? rest[0];
    if (!url || unknown) {
      throw new UserError(`a link is URL [--public|--private]${unknown ? `, not "${words.join(" ")}"` : ""}`, 2);
    }
    const visibility = flags.includes("--public") ? "public" : flags.includes("--private") ? "private" : undefined;
    return linkAddedEvent({ url, source, visibility });
  },
};
