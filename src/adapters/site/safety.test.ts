import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseHTML } from "linkedom";
import { listPage, listPages } from "./index-page.ts";
import { itemOf } from "./item.ts";
import { placeOf } from "./items.ts";
import { jsonFeed } from "./json-feed.ts";
import { linkPage } from "./link-page.ts";
import { rssFeed } from "./rss.ts";
import { aFolder, aLink, assertWellFormed } from "./test-kit.ts";

const info = { title: `Ada's "<links>" & more`, baseUrl: "https://links.example/" };
const EVIL = `"><script>alert(1)</script><img src=x onerror='alert(2)'>]]>&lt;b&gt;\u0000\u000b\ud800`;

/** What a page may contain, whatever a link says: no scripts, no handlers, hrefs to the web or within the site. */
function assertHarmless(page: string): void {
  const { document } = parseHTML(page);
  expect(document.querySelectorAll("script, img, iframe, object, embed, form, base, style").length).toBe(0);
  for (const element of document.querySelectorAll("*")) {
    for (const name of element.getAttributeNames()) {
      expect(name).not.toStartWith("on");
      if (name === "href")
        expect(element.getAttribute(name)).toMatch(/^(https?:\/\/|(\.\.\/)?(links\/)?[a-z0-9-]+\.[a-z]+$)/);
    }
    if (element.getAttribute("href")?.startsWith("http") && element.localName === "a") {
      expect(element.getAttribute("rel")).toBe("noopener noreferrer nofollow");
    }
  }
}

describe("what others wrote", () => {
  test("given markup in every field, when it is published, then no file contains it raw", async () => {
    await using folder = await aFolder();
    const link = aLink(`https://example.com/?q=${EVIL}`, {
      title: EVIL,
      tags: [EVIL],
      summaryShort: EVIL,
      summaryLong: EVIL,
      description: EVIL,
      siteName: EVIL,
      language: EVIL,
    });
    await folder.open().put(link);
    for (const [file, text] of Object.entries(await folder.contents())) {
      expect(text).not.toContain("<script");
      expect(text).not.toContain("<img");
      if (file.endsWith(".html")) assertHarmless(text);
    }
    assertWellFormed(await folder.read("feed.xml"));
    expect(JSON.parse(await folder.read("feed.json")).items[0].title).toContain("<script>alert(1)</script>");
  });

  const refused = ["javascript:alert(1)", "JaVaScRiPt:alert(1)", " javascript:alert(1)", "java\nscript:alert(1)"];
  for (const url of [...refused, "data:text/html,<script>1</script>", "vbscript:x", "file:///etc/passwd", "no url"]) {
    test(`given ${JSON.stringify(url)}, when it is published, then it is text and never an href`, () => {
      const item = itemOf(aLink(url));
      expect(item.url).toBeNull();
      for (const page of [linkPage(info, item), ...listPages([placeOf(item)]).map((page) => listPage(info, page))]) {
        assertHarmless(page);
        expect(page).not.toMatch(/href="\s*(java|vb|data|file|no)/i);
      }
      expect(rssFeed(info, [item])).toContain("<link>https://links.example/links/");
      expect(JSON.parse(jsonFeed(info, [item])).items[0]).not.toHaveProperty("external_url");
    });
  }

  test("given a URL with a login, when it is published, then the login is nowhere", async () => {
    await using folder = await aFolder();
    const url = "https://ada:canary-secret@example.com/a";
    await folder.open().put(aLink(url, { title: url }));
    const all = JSON.stringify(await folder.contents());
    expect(all).not.toContain("canary-secret");
    expect(all).toContain("https://example.com/a");
  });

  test("given any text at all, when it is published, then pages stay harmless and feeds parse", () => {
    const text = fc.oneof(fc.string({ unit: "binary" }), fc.string(), fc.constantFrom(EVIL, "]]>", "&amp;", "\ufffe"));
    const link = fc.record({ url: text, title: text, summaryShort: text, summaryLong: text, tags: fc.array(text) });
    fc.assert(
      fc.property(link, (change) => {
        const item = itemOf({ ...aLink("https://example.com"), ...change });
        assertHarmless(linkPage(info, item));
        assertWellFormed(rssFeed(info, [item]));
        expect(JSON.parse(jsonFeed(info, [item])).items).toHaveLength(1);
      }),
      { numRuns: 300 },
    );
  });

  test("given any page, when a browser reads it, then its policy allows a style sheet and nothing else", async () => {
    await using folder = await aFolder();
    await folder.open().put(aLink("https://example.com/a"));
    const pages = Object.entries(await folder.contents()).filter(([file]) => file.endsWith(".html"));
    expect(pages).toHaveLength(2);
    for (const [, page] of pages) {
      const meta = parseHTML(page).document.querySelector('meta[http-equiv="Content-Security-Policy"]');
      expect(meta?.getAttribute("content")).toBe(
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'",
      );
    }
  });
});
