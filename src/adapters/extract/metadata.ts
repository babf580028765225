import { type StructuredData, structuredData } from "./json-ld.ts";

/** What a page declares about itself in its head. */
export interface Metadata {
  readonly ogTitle: string | null;
  readonly titleElement: string | null;
  readonly headline: string | null;
  readonly description: string | null;
  readonly declaredTags: readonly string[];
  readonly language: string | null;
  readonly siteName: string | null;
}

const MAX_TAGS = 15;
const MAX_TAG_LENGTH = 60;

/** Reads a document's head: meta elements, Open Graph, JSON-LD. */
export function readMetadata(document: Document): Metadata {
  const meta = metaElements(document);
  const first = (...names: string[]) => names.map((name) => meta.get(name)?.[0]).find((value) => value) ?? null;
  const data = structuredData(document);
  return {
    ogTitle: first("og:title", "twitter:title", "dc.title"),
    titleElement: squeeze(document.querySelector("title")?.textContent) || null,
    headline: data.headline && htmlFree(data.headline),
    description: first("description", "og:description", "twitter:description"),
    declaredTags: declaredTags(meta, data),
    language: languageOf(document, first("og:locale", "content-language")),
    siteName: first("og:site_name", "application-name") ?? data.publisher,
  };
}

function metaElements(document: Document): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const element of document.querySelectorAll("meta[content]")) {
    const attribute = (name: string) => element.getAttribute(name);
    const name = (attribute("property") ?? attribute("name") ?? attribute("http-equiv") ?? "").trim().toLowerCase();
    const content = squeeze(attribute("content"));
    if (name && content) found.set(name, [...(found.get(name) ?? []), content].slice(0, 50));
  }
  return found;
}

function declaredTags(meta: Map<string, string[]>, { keywords }: StructuredData): string[] {
  const lists = [meta.get("article:tag"), keywords, meta.get("keywords"), meta.get("news_keywords")];
  const tags = new Map<string, string>();
  for (const text of lists.flatMap((list) => list ?? []).flatMap((list) => list.split(/[,;]/))) {
    const tag = squeeze(text);
    if (tag && tag.length <= MAX_TAG_LENGTH && !tags.has(tag.toLowerCase())) tags.set(tag.toLowerCase(), tag);
  }
  return [...tags.values()].slice(0, MAX_TAGS);
}

/** The primary subtag (`en` of `en-US`), ISO 639. */
function languageOf(document: Document, declared: string | null): string | null {
  const tag = document.documentElement?.getAttribute("lang") || declared || "";
  return /^\s*([a-z]{2,3})(?![a-z])/i.exec(tag)?.[1]?.toLowerCase() ?? null;
}

/** Blanks collapsed and trimmed. */
export function squeeze(text: string | null | undefined): string {
  return (text ?? "").replace(/\s+/g, " ").trim();
}

/** Headlines in JSON-LD sometimes carry markup. */
function htmlFree(text: string): string {
  return squeeze(text.replace(/<[^>]{1,200}>/g, " "));
}
