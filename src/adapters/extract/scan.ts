/** What the scanner meets, in document order. Names are lower case. */
export interface ScanVisitor {
  /** `attributes` is the raw source between name and `>`. Return false to stop. */
  open(name: string, attributes: string): boolean;
  close(name: string): boolean;
  /** Source text with its character references still in it. */
  text(source: string): void;
}

/** Elements whose content is text up to their end tag, whatever it looks like. */
const RAW_TEXT = new Set(["script", "style", "title", "textarea", "xmp"]);

const NAME = /[a-zA-Z][^\s/>]*/y;

/**
 * Runs over HTML once, in linear time and constant space, whatever the source is: no tree, no backtracking. For looking
 * at a page before a real parser may touch it, and for text of pages that are too wild for one.
 */
export function scanHtml(html: string, visitor: ScanVisitor): void {
  let at = 0;
  while (at < html.length) {
    const next = html.indexOf("<", at);
    const end = next < 0 ? html.length : next;
    if (end > at) visitor.text(html.slice(at, end));
    if (next < 0) return;
    const after = scanMarkup(html, next, visitor);
    if (after < 0) return;
    at = after;
  }
}

/** Position after the markup at `start`; -1 to stop. */
function scanMarkup(html: string, start: number, visitor: ScanVisitor): number {
  if (html.startsWith("<!--", start)) return after(html, "-->", start + 4);
  const next = html[start + 1] ?? "";
  if (next === "!" || next === "?") return after(html, ">", start + 2);
  const closing = next === "/";
  const name = nameAt(html, start + (closing ? 2 : 1));
  if (!name) {
    visitor.text("<");
    return start + 1;
  }
  const attributesAt = start + (closing ? 2 : 1) + name.length;
  const end = tagEnd(html, attributesAt);
  if (end < 0) return -1;
  const lower = name.toLowerCase();
  if (closing) return visitor.close(lower) ? end + 1 : -1;
  if (!visitor.open(lower, html.slice(attributesAt, end))) return -1;
  return RAW_TEXT.has(lower) ? rawText(html, lower, end + 1, visitor) : end + 1;
}

function rawText(html: string, name: string, start: number, visitor: ScanVisitor): number {
  const closing = new RegExp(`</${name}(?=[\\s/>])`, "gi");
  closing.lastIndex = start;
  const end = closing.exec(html)?.index ?? -1;
  if (end < 0) return -1;
  visitor.text(html.slice(start, end));
  return end;
}

function nameAt(html: string, start: number): string {
  NAME.lastIndex = start;
  return NAME.exec(html)?.[0].slice(0, 100) ?? "";
}

/** The `>` that ends a tag, not one inside a quoted value. */
function tagEnd(html: string, start: number): number {
  let quote = "";
  let previous = "";
  for (let at = start; at < html.length; at++) {
    const char = html[at] ?? "";
    if (quote) {
      if (char === quote) quote = "";
    } else if (char === ">") {
      return at;
    } else if ((char === '"' || char === "'") && previous === "=") {
      quote = char;
    }
    if (char > " ") previous = char;
  }
  return -1;
}

function after(html: string, mark: string, from: number): number {
  const index = html.indexOf(mark, from);
  return index < 0 ? -1 : index + mark.length;
}
