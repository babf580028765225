import type { ExtractedPage } from "../../domains/links/ports.ts";
import { UNREAD } from "./elements.ts";
import { decodeReferences } from "./entities.ts";
import { scanHtml } from "./scan.ts";
import { separate } from "./serialize.ts";
import { TextWriter } from "./text-writer.ts";

/** Unread elements that hold only raw text, so that their end is certain even where nesting is broken. */
const HIDDEN = new Set([...UNREAD].filter((name) => ["script", "style", "textarea"].includes(name)));

/** Text, title and description of a page without building a tree: for pages too deep or too big for one. Linear. */
export function readPlainHtml(html: string): ExtractedPage {
  const writer = new TextWriter();
  const meta = new Map<string, string>();
  let inside = "";
  let title = "";
  scanHtml(html, {
    open(name, attributes) {
      if (name === "meta") noteMeta(attributes, meta);
      if (HIDDEN.has(name) || name === "title") inside = name;
      separate(name, writer);
      return true;
    },
    close(name) {
      if (name === inside) inside = "";
      separate(name, writer);
      return true;
    },
    text(source) {
      if (inside === "title") title ||= decodeReferences(source).trim();
      else if (!inside) writer.text(decodeReferences(source));
    },
  });
  return {
    title: meta.get("og:title") ?? title,
    text: writer.toString(),
    description: meta.get("description") ?? meta.get("og:description") ?? null,
    declaredTags: [],
    language: null,
    siteName: meta.get("og:site_name") ?? null,
  };
}

/** Longer meta tags are no description of anything. */
const MAX_META = 5_000;

function noteMeta(attributes: string, meta: Map<string, string>): void {
  if (attributes.length > MAX_META) return;
  const name = attribute(attributes, "property") ?? attribute(attributes, "name");
  const content = attribute(attributes, "content");
  if (name && content && !meta.has(name)) meta.set(name, decodeReferences(content).trim());
}

function attribute(attributes: string, name: string): string | null {
  const match = new RegExp(`\\b${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)')`, "i").exec(attributes);
  return match?.[1] ?? match?.[2] ?? null;
}
