/** What a page's JSON-LD says of it (schema.org), as far as we use it. */
export interface StructuredData {
  readonly headline: string | null;
  readonly keywords: readonly string[];
  readonly publisher: string | null;
}

type Thing = Record<string, unknown>;

/** Types whose `headline` or `name` is the page's own title. */
const WORKS = /^(\w*Article|\w*Posting|Report|Recipe|Product|\w*Course|Event|Book|Movie|SoftwareApplication|QAPage)$/;

/** Things looked at in one page. */
const MAX_THINGS = 200;

/** Reads all JSON-LD blocks of a document; broken ones are skipped. */
export function structuredData(document: Document): StructuredData {
  const things: Thing[] = [];
  for (const script of document.querySelectorAll('script[type="application/ld+json"]')) {
    collect(parse(script.textContent ?? ""), things);
  }
  const work = things.find((thing) => typesOf(thing).some((type) => WORKS.test(type)));
  const site = things.find((thing) => typesOf(thing).includes("WebSite"));
  return {
    headline: text(work?.headline) ?? text(work?.name),
    keywords: work ? keywordsOf(work.keywords) : [],
    publisher: nameOf(site) ?? nameOf(work?.publisher),
  };
}

function parse(source: string): unknown {
  try {
    return JSON.parse(source.replace(/^\s*(\/\/)?<!\[CDATA\[|(\/\/)?\]\]>\s*$/g, ""));
  } catch {
    return null;
  }
}

function collect(value: unknown, into: Thing[]): void {
  if (into.length >= MAX_THINGS) return;
  if (Array.isArray(value)) {
    for (const item of value.slice(0, MAX_THINGS)) collect(item, into);
  } else if (isThing(value)) {
    into.push(value);
    if ("@graph" in value) collect(value["@graph"], into);
    if ("mainEntity" in value) collect(value.mainEntity, into);
  }
}

function isThing(value: unknown): value is Thing {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function typesOf(thing: Thing): string[] {
  const type = thing["@type"];
  return (Array.isArray(type) ? type : [type]).filter((name) => typeof name === "string");
}

function keywordsOf(value: unknown): string[] {
  if (typeof value === "string") return value.split(",");
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

function nameOf(value: unknown): string | null {
  return isThing(value) ? text(value.name) : text(value);
}

function text(value: unknown): string | null {
  return typeof value === "string" && value.trim() ? value.trim() : null;
}
