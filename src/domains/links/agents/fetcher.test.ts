import { describe, expect, test } from "bun:test";
import { TerminalError } from "../../../engine/errors.ts";
import { silentLogger } from "../../../engine/logger.ts";
import type { Work } from "../../../engine/work.ts";
import { contentFetched } from "../events.ts";
import type { ExtractedPage, Extractor, PageClient } from "../ports.ts";
import { createFetcher } from "./fetcher.ts";

const work: Work<{ url: string }> = {
  id: "w",
  type: "fetch_link",
  subjectId: "link:0123456789abcdef",
  correlationId: "c",
  triggeredByEventId: "e",
  attempt: 1,
  round: 1,
  attemptsBefore: 0,
  maxAttempts: 3,
  createdAt: "2026-01-01T00:00:00Z",
  lastError: null,
  payload: { url: "https://example.org/a" },
};

const context = { signal: new AbortController().signal, log: silentLogger, now: () => new Date(0) };

const found: ExtractedPage = {
  title: "Late boats",
  text: "The harbour was quiet.",
  description: null,
  declaredTags: ["sea"],
  language: "en",
  siteName: "Harbour News",
};

const pages: PageClient = {
  get: async (url) => ({ finalUrl: `${url}?final`, contentType: "text/html", body: new Uint8Array() }),
};

function finding(page: ExtractedPage): Extractor {
  return { extract: async () => page, close: async () => {} };
}

describe("the fetcher", () => {
  test("reports what a page says as one content.fetched about the link", async () => {
    const events = await createFetcher({ pages, extractor: finding(found) }).run(work, context);
    expect(events).toEqual([
      {
        type: "content.fetched",
        subject: "link",
        subjectId: work.subjectId,
        payload: {
          final_url: "https://example.org/a?final",
          title: "Late boats",
          text_content: "The harbour was quiet.",
          html_storage_key: null,
          fetch_error: null,
          description: null,
          declared_tags: ["sea"],
          language: "en",
          site_name: "Harbour News",
        },
      },
    ]);
    const checked = await contentFetched.payload["~standard"].validate(events[0]?.payload);
    expect(checked.issues).toBeUndefined();
  });

  test("leaves out what Postgres refuses: NUL and lone surrogates", async () => {
    const wild = { ...found, title: "a\0b", text: "c\ud800d", declaredTags: ["e\0"], siteName: "\udc00" };
    const [event] = await createFetcher({ pages, extractor: finding(wild) }).run(work, context);
    expect(event?.payload).toMatchObject({
      title: "ab",
      text_content: "c\ufffdd",
      declared_tags: ["e"],
      site_name: "\ufffd",
    });
  });

  test("lets a failure through, so that the worker knows what happens next", async () => {
    const gone: PageClient = {
      get: () => Promise.reject(new TerminalError("the page answered 404 Not Found", "http_4xx")),
    };
    const run = createFetcher({ pages: gone, extractor: finding(found) }).run(work, context);
    await expect(run).rejects.toMatchObject({ name: "TerminalError", errorClass: "http_4xx" });
  });
});
