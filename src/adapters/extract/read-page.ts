import type { ExtractedPage, FetchedPage } from "../../domains/links/ports.ts";
import { decodeText } from "./charset.ts";
import { readHtml } from "./read-html.ts";

/** Longest text kept, in characters. */
const MAX_TEXT = 1_000_000;
const CUT_NOTE = "\n\n[The text is cut here: the page has more than 1 MB of it.]";

/** Longest parts besides the text, in characters: what is longer is no title and no name, and stands on every page. */
const MAX_TITLE = 500;
const MAX_SITE_NAME = 200;
const MAX_DESCRIPTION = 2_000;

/** Longest first line that is still a title. */
const MAX_FIRST_LINE = 200;

/** Reads a body by its type. `plainly`: without building a tree, for pages that broke the ordinary way. */
export function readPage({ body, contentType, finalUrl }: FetchedPage, plainly: boolean): ExtractedPage {
  const text = decodeText(body, contentType).replaceAll("\0", "");
  const page = /html/i.test(contentType) ? readHtml(text, finalUrl, plainly) : plainPage(text, contentType);
  return {
    ...page,
    title: cut(page.title || titleFromUrl(finalUrl), MAX_TITLE),
    text: capped(page.text),
    description: page.description && cut(page.description, MAX_DESCRIPTION),
    siteName: page.siteName && cut(page.siteName, MAX_SITE_NAME),
  };
}

function plainPage(text: string, contentType: string): ExtractedPage {
  const trimmed = text.trim();
  return {
    title: /json/i.test(contentType) ? "" : firstLine(trimmed),
    text: trimmed,
    description: null,
    declaredTags: [],
    language: null,
    siteName: null,
  };
}

/** A text's first line, without Markdown's heading marks; empty when it is too long for a title. */
function firstLine(text: string): string {
  const line = (text.slice(0, MAX_FIRST_LINE + 1).split(/[\r\n]/, 1)[0] ?? "").replace(/^#+/, "").trim();
  return line.length <= MAX_FIRST_LINE ? line : "";
}

/** Something to recognise a page by when it has no title: its file name and host. */
function titleFromUrl(url: string): string {
  const { hostname, pathname } = new URL(url);
  const name = pathname.split("/").filter(Boolean).at(-1);
  return name ? `${decodedOrRaw(name)} (${hostname})` : hostname;
}

function decodedOrRaw(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function capped(text: string): string {
  return text.length <= MAX_TEXT ? text : cut(text, MAX_TEXT) + CUT_NOTE;
}

function cut(text: string, maxLength: number): string {
  return text.slice(0, maxLength).toWellFormed();
}
