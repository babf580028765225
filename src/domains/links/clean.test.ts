import { describe, expect, test } from "bun:test";
import type { StoredEvent } from "../../engine/event.ts";
import { cleanedEvent } from "./clean.ts";
import { enrichKey } from "./routes.ts";

const DECIDING = { by: "ada", source: "cli", reason: null };
const ID = "0b8f3c52-6a01-4a57-9d0e-3c0a5b7f2d41";

const event = (type: string, payload: Record<string, unknown>, id = ID) => ({ id, type, payload }) as StoredEvent;
const link = (...events: StoredEvent[]) => ({ subjectId: "link:1", url: "https://a.example/", events });

describe("given a link to be done anew", () => {
  test("when its content is in the ledger, then its tags are made of the last that was read", () => {
    const events = [
      event("content.fetched", { title: "old" }, "1"),
      event("content.fetched", { title: "new", text_content: "text" }),
      event("content.fetched", { fetch_error: "gone" }, "3"),
    ];
    expect(cleanedEvent(link(...events), { ...DECIDING, full: false })).toMatchObject({
      type: "link.cleaned",
      source: "cli",
      payload: { scope: "metadata", content_event_id: ID, by: "ada" },
    });
  });

  test("when all of it is to be done anew, then its page is read again", () => {
    const { payload } = cleanedEvent(link(), { ...DECIDING, reason: "it moved", full: true });
    expect(payload).toEqual({ scope: "content", url: "https://a.example/", by: "ada", reason: "it moved" });
  });

  test.each([
    ["nothing was read", []],
    ["what was read is to be forgotten", [event("content.fetched", {}), event("link.cleaned", { scope: "content" })]],
  ])("when %s, then it says what to do", (_, events) => {
    const clean = () => cleanedEvent(link(...events), { ...DECIDING, full: false });
    expect(clean).toThrow("the ledger does not hold what was read of https://a.example/: with --full");
  });
});

test("given the same content read anew for a person, then it is enriched once more, and as often as before otherwise", () => {
  const content = { title: "t", text_content: "text" };
  expect(enrichKey("link:1", { ...content, site_name: "other" })).toBe(enrichKey("link:1", content));
  expect(enrichKey("link:1", { ...content, cleaned_by: null })).toBe(enrichKey("link:1", content));
  expect(enrichKey("link:1", { ...content, cleaned_by: ID })).not.toBe(enrichKey("link:1", content));
});
