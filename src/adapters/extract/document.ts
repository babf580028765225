import { parseHTML } from "linkedom";
import { textOf } from "./serialize.ts";
import { wordCount } from "./words.ts";

/** A noscript element with more words is the page as readers without scripts get it, and that is what we are. */
const MANY_WORDS = 50;

/**
 * Builds a document with head and body where they belong. The parser leaves a body where it found it (inside an
 * unclosed head, after a stray element), takes the first element for the root, and makes up an empty body instead.
 */
export function documentOf(html: string): Document {
  const document = parse(html);
  const whole = document.documentElement?.nodeName === "HTML";
  const arranged = whole ? document : parse(`<!doctype html><html><head></head><body>${html}</body></html>`);
  arrange(arranged);
  return arranged;
}

/** Puts the content of long noscript elements into the page. Says whether there were any. */
export function unwrapNoscript(document: Document): boolean {
  const long = [...document.querySelectorAll("noscript")].filter(isRead);
  for (const element of long) element.replaceWith(...element.childNodes);
  return long.length > 0;
}

function isRead(element: Element): boolean {
  return wordCount(textOf(element, { rooted: true })) >= MANY_WORDS;
}

function parse(html: string): Document {
  return parseHTML(html).document as unknown as Document;
}

function arrange(document: Document): void {
  // Asked for before `document.body` is, which would make one up.
  const found = document.querySelector("body");
  const body = found ?? document.createElement("body");
  if (!found) body.append(...[...document.documentElement.childNodes].filter(({ nodeName }) => nodeName !== "HEAD"));
  if (document.head.nextElementSibling !== body) document.head.after(body);
}
