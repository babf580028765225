import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LinkView } from "../../domains/links/fold.ts";
import { linkSubjectId } from "../../domains/links/subject.ts";
import { silentLogger } from "../../engine/logger.ts";
import { fileName } from "./item.ts";
import { createSite, type StaticSite } from "./site.ts";

/** A public link for tests, its id following from its URL. */
export function aLink(url: string, change: Partial<LinkView> = {}): LinkView {
  return {
    subjectId: linkSubjectId(url),
    url,
    title: `About ${url}`,
    description: null,
    siteName: null,
    tags: ["reading"],
    summaryShort: "In short.",
    summaryLong: "",
    language: "en",
    enriched: true,
    visibility: "public",
    addedAt: "2025-03-01T10:00:00.123456Z",
    updatedAt: "2025-03-01T11:00:00Z",
    version: 3,
    ...change,
  };
}

/** A temporary folder, gone at the end of the `await using` scope, and ways to look into it. */
export async function aFolder() {
  const path = await mkdtemp(join(tmpdir(), "site-"));
  return {
    path,
    open: (): StaticSite =>
      createSite({ directory: path, baseUrl: "https://links.example", title: "Ada & friends", log: silentLogger }),
    read: (file: string): Promise<string> => readFile(join(path, file), "utf8"),
    pageOf: (link: LinkView): string => `links/${fileName(link.subjectId)}.html`,
    itemOf: (link: LinkView): string => `links/${fileName(link.subjectId)}.json`,
    /** Every file by its relative path, with its bytes as text. */
    async contents(): Promise<Record<string, string>> {
      const entries = await readdir(path, { recursive: true, withFileTypes: true });
      const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
      const pairs = files.sort().map(async (file) => [file.slice(path.length + 1), await readFile(file, "utf8")]);
      return Object.fromEntries(await Promise.all(pairs));
    },
    async [Symbol.asyncDispose]() {
      await rm(path, { recursive: true, force: true });
    },
  };
}

/** What `aFolder` gives. */
export type Folder = Awaited<ReturnType<typeof aFolder>>;

const XML_TOKEN = /<\?xml [^<>]*\?>|<\/([\w:]+)>|<([\w:]+)((?:\s+[\w:]+="[^"<>]*")*)\s*(\/?)>|[^<>]+/gy;
const ENTITY = /&(?!(?:amp|lt|gt|quot|#39|apos);)/;
const XML_ILLEGAL = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/u;

/** Throws unless the text is one well-formed XML element; stricter than XML (no CDATA, comments, other entities). */
export function assertWellFormed(xml: string): void {
  if (ENTITY.test(xml) || XML_ILLEGAL.test(xml)) throw new Error("a stray ampersand or an illegal character");
  const open: string[] = [];
  let end = 0;
  let roots = 0;
  for (const [token, closed, opened, , selfClosed] of xml.matchAll(XML_TOKEN)) {
    end += token.length;
    if (opened && open.length === 0) roots += 1;
    if (opened && !selfClosed) open.push(opened);
    if (closed && open.pop() !== closed) throw new Error(`</${closed}> closes something else`);
    if (!opened && !closed && open.length === 0 && !token.startsWith("<?") && token.trim())
      throw new Error("stray text");
  }
  if (end !== xml.length) throw new Error(`not XML from here: ${xml.slice(end, end + 80)}`);
  if (open.length > 0 || roots !== 1) throw new Error(`not one closed element: ${open.join(" ")}`);
}
