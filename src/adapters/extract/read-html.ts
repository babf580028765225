import { Readability } from "@mozilla/readability";
import type { ExtractedPage } from "../../domains/links/ports.ts";
import { TerminalError } from "../../engine/errors.ts";
import { isBotWall } from "./bot-wall.ts";
import { documentOf, unwrapNoscript } from "./document.ts";
import { AROUND } from "./elements.ts";
import { isTame } from "./guard.ts";
import { readMetadata } from "./metadata.ts";
import { readPlainHtml } from "./plain-html.ts";
import { textOf } from "./serialize.ts";
import { titleOf } from "./title.ts";
import { wordCount } from "./words.ts";

/** Fewer words are a teaser or an accident; then the whole main part of the page is a better guess. */
const FEW_WORDS = 30;

/** Title and text of an HTML page. A page too deep or too big for a tree is read in the plain, linear way. */
export function readHtml(html: string, url: string, plainly: boolean): ExtractedPage {
  const page = plainly || !isTame(html) ? readPlainHtml(html) : readTree(html, url);
  if (isBotWall(page.title, page.text, html)) {
    throw new TerminalError("the page shows a check for robots instead of its content", "bot_wall");
  }
  return page;
}

function readTree(html: string, url: string): ExtractedPage {
  const document = documentOf(html);
  const metadata = readMetadata(document);
  const headings = [...document.querySelectorAll("h1")].map((heading) => textOf(heading));
  const { description, declaredTags, language, siteName } = metadata;
  return {
    title: titleOf(metadata, headings, new URL(url).hostname),
    text: mainText(document, () => documentOf(html)),
    description,
    declaredTags,
    language,
    siteName,
  };
}

/**
 * Readability's choice; where that finds next to nothing, its choice with noscript in place, then the page's own main
 * part, then its whole body. Readability takes its document apart, so each look needs a fresh one.
 */
function mainText(document: Document, again: () => Document): string {
  const texts = [articleText(document)];
  if (isEnough(texts[0])) return texts[0] ?? "";
  const fresh = again();
  if (unwrapNoscript(fresh)) {
    const unwrapped = again();
    unwrapNoscript(unwrapped);
    texts.push(articleText(unwrapped));
  }
  const main = fresh.querySelector("main, [role=main]") ?? fresh.querySelector("article");
  if (main) texts.push(textOf(main, { skip: AROUND }));
  texts.push(textOf(fresh.body, { skip: AROUND }), textOf(fresh.body));
  return texts.find(isEnough) ?? longest(texts);
}

function isEnough(text: string | undefined): boolean {
  return wordCount(text ?? "") >= FEW_WORDS;
}

function articleText(document: Document): string {
  try {
    const article = new Readability<Node>(document, { serializer: (node) => node }).parse();
    return article?.content ? textOf(article.content) : "";
  } catch {
    // Readability stumbles over documents without a body and the like; the fallbacks do not.
    return "";
  }
}

function longest(texts: readonly string[]): string {
  return texts.reduce((best, text) => (text.length > best.length ? text : best), "");
}
