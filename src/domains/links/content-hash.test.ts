import { describe, expect, test } from "bun:test";
import { contentHash } from "./content-hash.ts";

describe("contentHash", () => {
  test("given the same title and text, when other fields differ, then the hash is the same", () => {
    const first = contentHash({ title: "A", text_content: "b", final_url: "https://one.example/" });
    const second = contentHash({ title: "A", text_content: "b", site_name: "Two" });
    expect(first).toBe(second);
    expect(first).toMatch(/^[0-9a-f]{32}$/);
  });

  test("given text that moved from title to body, when hashed, then the hashes differ", () => {
    expect(contentHash({ title: "ab", text_content: "c" })).not.toBe(contentHash({ title: "a", text_content: "bc" }));
  });

  test("given no title and no text, when hashed, then null and missing are the same", () => {
    expect(contentHash({ title: null, text_content: null })).toBe(contentHash({}));
  });
});
