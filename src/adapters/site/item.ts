import { createHash } from "node:crypto";
import { z } from "zod";
import type { LinkView } from "../../domains/links/fold.ts";
import { clip, hostOf, oneLine, paragraphs, printable, readableUrl, safeJson, webUrl } from "./text.ts";

const moment = z.string().refine((text) => Number.isFinite(Date.parse(text)));
/** Cleaned again on the way in: a file edited by hand must not break a feed. */
const text = z.string().transform(printable);
const item = z.object({
  id: z.string().min(1),
  /** Where it leads; null for an address that must not become an href. */
  url: z.string().nullable(),
  /** The address to read. */
  address: text,
  host: text,
  title: text,
  added_at: moment,
  updated_at: moment,
  tags: z.array(text),
  summary: text,
  details: text,
  language: z.string().nullable(),
});

/** What the site keeps of one public link: its `links/<name>.json`, already clean enough for every page and feed. */
export type SiteItem = z.infer<typeof item>;

const LANGUAGE = /^[a-z]{2,3}(-[a-z0-9]{2,8})*$/i;

/** The public part of a link. The same link always gives the same item. */
export function itemOf(link: LinkView): SiteItem {
  const url = webUrl(link.url);
  const address = oneLine(url ? readableUrl(url) : link.url, 300);
  const title = link.title === link.url ? "" : oneLine(link.title, 300);
  return {
    id: link.subjectId,
    url,
    address,
    host: hostOf(url),
    title: title || clip(address, 90),
    added_at: new Date(link.addedAt).toISOString(),
    updated_at: new Date(link.updatedAt).toISOString(),
    tags: tagsOf(link.tags),
    summary: oneLine(link.summaryShort || link.description || "", 600),
    details: paragraphs(link.summaryLong, 6000),
    language: link.language && LANGUAGE.test(link.language) ? link.language : null,
  };
}

function tagsOf(tags: readonly string[]): string[] {
  const clean = tags.slice(0, 40).map((tag) => oneLine(tag, 40));
  return [...new Set(clean)].filter((tag) => tag !== "").slice(0, 12);
}

/** The file form of an item. */
export function writeItem(value: SiteItem): string {
  return safeJson(value);
}

/** Reads the file form; null for what is no item, or is the item of another file name. Never trusts the href. */
export function readItem(json: string, name: string): SiteItem | null {
  const parsed = item.safeParse(parseJson(json));
  if (!parsed.success || fileName(parsed.data.id) !== name) return null;
  return { ...parsed.data, url: parsed.data.url === null ? null : webUrl(parsed.data.url) };
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/** The file name (without ending) of a subject: readable for our own ids, a hash for what others may call a link. */
export function fileName(subjectId: string): string {
  if (/^link:[0-9a-f]{16}$/.test(subjectId)) return subjectId.replace(":", "-");
  return `other-${createHash("sha256").update(subjectId).digest("hex").slice(0, 32)}`;
}
