import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Payload, StoredEvent } from "../../engine/event.ts";
import { foldLink } from "./fold.ts";
import type { Visibility } from "./subject.ts";

/** Events of one link in ledger order, a day and ten positions apart. */
function ledger(...told: [type: string, payload: Payload][]): StoredEvent[] {
  return told.map(([type, payload], index) => ({
    id: `event-${index}`,
    occurredAt: day(index),
    receivedAt: day(index),
    source: "test",
    subject: "link",
    subjectId: "link:0123456789abcdef",
    type,
    schemaVersion: 1,
    payload,
    correlationId: null,
    causationId: null,
    position: index * 10 + 10,
  }));
}

const day = (index: number): string => new Date(Date.UTC(2025, 0, 1 + index)).toISOString();
const fold = (events: StoredEvent[], otherwise: Visibility = "private") => foldLink(events, otherwise);
const ADDED: [string, Payload] = ["link.added", { url: "https://example.com/a" }];
const FETCHED: [string, Payload] = ["content.fetched", { title: "Title", description: "About", site_name: "Example" }];
const ENRICHED: [string, Payload] = [
  "enrichment.completed",
  { tags: ["a", "b"], summary_short: "Short", summary_long: "Long", language: "en" },
];

describe("a link told by its events", () => {
  test("given nothing was added, when its events are folded, then there is no link", () => {
    expect(fold([])).toBeNull();
    expect(fold(ledger(FETCHED, ENRICHED))).toBeNull();
  });

  test("given it was only added, when folded, then its address stands for the title", () => {
    expect(fold(ledger(ADDED))).toEqual({
      subjectId: "link:0123456789abcdef",
      url: "https://example.com/a",
      title: "https://example.com/a",
      description: null,
      siteName: null,
      tags: [],
      summaryShort: "",
      summaryLong: "",
      language: null,
      enriched: false,
      visibility: "private",
      addedAt: day(0),
      updatedAt: day(0),
      version: 10,
    });
  });

  test("given it was fetched and enriched, when folded, then it has all of it, as of the last event", () => {
    expect(fold(ledger(ADDED, FETCHED, ENRICHED))).toMatchObject({
      title: "Title",
      description: "About",
      siteName: "Example",
      tags: ["a", "b"],
      summaryShort: "Short",
      summaryLong: "Long",
      language: "en",
      enriched: true,
      addedAt: day(0),
      updatedAt: day(2),
      version: 30,
    });
  });

  test("given nobody said who may see it, when folded, then the default holds, however it is shared again", () => {
    expect(fold(ledger(ADDED), "public")?.visibility).toBe("public");
    expect(fold(ledger(ADDED, ADDED), "private")?.visibility).toBe("private");
  });

  test("given a person decided who may see it, when it is shared again without a word, then the decision stays", () => {
    const events = ledger(ADDED, ["link.visibility_changed", { visibility: "private" }], ADDED);
    expect(fold(events, "public")?.visibility).toBe("private");
  });

  test("given it says who may see it, when it is added, then that holds before the default", () => {
    const events = ledger(["link.added", { url: "https://example.com/a", visibility: "public" }]);
    expect(fold(events, "private")?.visibility).toBe("public");
  });

  test("given its visibility changes, when folded, then the version moves with it", () => {
    const events = ledger(ADDED, ["link.visibility_changed", { visibility: "public" }]);
    expect(fold(events)).toMatchObject({ visibility: "public", version: 20, updatedAt: day(1) });
  });

  test("given it is shared again, when folded, then it keeps its first date and what is known of it", () => {
    expect(fold(ledger(ADDED, FETCHED, ENRICHED, ADDED))).toMatchObject({
      addedAt: day(0),
      title: "Title",
      tags: ["a", "b"],
    });
  });

  test("given a later fetch fails, when folded, then what was read before stays", () => {
    const events = ledger(ADDED, FETCHED, ["content.fetched", { title: "Not found", fetch_error: "http 404" }]);
    expect(fold(events)).toMatchObject({ title: "Title", version: 20 });
  });

  test("given payloads of older writers, when folded, then blanks and missing fields do no harm", () => {
    const events = ledger(
      ADDED,
      ["content.fetched", { title: "  ", fetch_error: null }],
      ["enrichment.completed", { summary: "Old form" }],
    );
    expect(fold(events)).toMatchObject({ title: "https://example.com/a", summaryShort: "Old form", tags: [] });
  });

  test("given events that say nothing of a link, when folded, then the version does not move", () => {
    const events = ledger(ADDED, ["publish.completed", {}], ["work.failed", { error: "x" }], ["who.knows", {}]);
    expect(fold(events)?.version).toBe(10);
  });

  test("given a link that is only known by its adoption, when folded, then it is as its rows were", () => {
    const link = { url: "https://example.com/b", visibility: "public", created_at: "2024-01-01T00:00:00.000Z" };
    const rows = { links: link, link_content: { title: "B" }, link_metadata: { tags: ["x"], summary_short: "S" } };
    expect(fold(ledger(["state.adopted", { settled: true, rows }]))).toMatchObject({
      url: "https://example.com/b",
      title: "B",
      tags: ["x"],
      summaryShort: "S",
      enriched: true,
      visibility: "public",
      addedAt: "2024-01-01T00:00:00.000Z",
    });
  });

  test("given an adoption that names some columns, when folded, then the others are as the events say", () => {
    const rows = { links: { visibility: "public" }, link_metadata: { summary_short: "By hand" } };
    const events = ledger(
      ADDED,
      ["content.fetched", { title: "A" }],
      ["enrichment.completed", { tags: ["x"], summary_short: "S" }],
      ["state.adopted", { settled: true, rows }],
    );
    const expected = { title: "A", tags: ["x"], summaryShort: "By hand", visibility: "public", enriched: true };
    expect(fold(events)).toMatchObject(expected);
  });

  test("given an adoption that says a row is gone, when folded, then what came of it is too", () => {
    const rows = { links: { visibility: "private" }, link_content: null, link_metadata: null };
    const tagged: [string, Payload] = ["enrichment.completed", { tags: ["x"] }];
    const cleaned: [string, Payload] = ["state.adopted", { settled: true, rows }];
    expect(fold(ledger(ADDED, ["content.fetched", { title: "A" }], tagged, cleaned))).toMatchObject({
      title: "https://example.com/a",
      tags: [],
      enriched: false,
    });
    expect(fold(ledger(ADDED, ["state.adopted", { settled: true, rows: { links: null } }]))).toBeNull();
  });

  test("given any payloads, when folded, then there is always a link, and folding does not change the events", () => {
    const types = ["link.added", "content.fetched", "enrichment.completed", "link.visibility_changed", "who.knows"];
    const payload = fc.dictionary(
      fc.constantFrom("title", "tags", "summary_short", "visibility", "fetch_error", "description", "url"),
      fc.jsonValue(),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(...types), payload)), (rest) => {
        const events = ledger(ADDED, ...rest);
        const before = JSON.stringify(events);
        const link = fold(events);
        expect(link?.url).toBe("https://example.com/a");
        expect(["private", "public"]).toContain(link?.visibility ?? "");
        expect(link?.tags.every((tag) => typeof tag === "string")).toBe(true);
        expect(JSON.stringify(events)).toBe(before);
      }),
    );
  });
});
