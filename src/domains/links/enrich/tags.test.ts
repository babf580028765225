import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { cleanTags, MAX_TAGS, TAG_PATTERN, tagKey, tagOf } from "./tags.ts";

describe("tagOf", () => {
  test.each([
    ["Machine Learning", "machine-learning"],
    ["#DevOps", "devops"],
    ["snake_case name", "snake-case-name"],
    ["C++", "cpp"],
    ["C#", "csharp"],
    [".NET", "dotnet"],
    ["Node.js", "nodejs"],
    ["M&A", "m-and-a"],
    ["U.S. history", "us-history"],
    ["Café society", "cafe-society"],
    ["Æther", "aether"],
    ["don't", "dont"],
  ])("given %s, when named, then it is %s", (raw, tag) => {
    expect(tagOf(raw)).toBe(tag);
  });

  test.each(["", "x", "机器学习", "AI 人工智能", "новости", "F*", "a+b", "🎉", "x".repeat(31), "constructor()=1"])(
    "given %s, which no tag can say, when named, then it is left out and not mangled",
    (raw) => {
      expect(tagOf(raw)).toBeNull();
    },
  );

  test("given names that objects inherit, when named, then they are plain words", () => {
    expect(tagOf("constructor")).toBe("constructor");
  });
});

describe("tagKey", () => {
  test.each([
    ["Mobile Apps", "mobile-app"],
    ["cyber_security", "cybersecurity"],
    ["Technologies", "technology"],
    ["boxes", "box"],
  ])("given %s and %s, when compared, then they are one tag", (one, other) => {
    expect(tagKey(one)).toBe(tagKey(other));
  });

  test.each([
    ["css", "cs"],
    ["aws", "aw"],
    ["business", "busines"],
  ])("given %s and %s, when compared, then they are two tags", (one, other) => {
    expect(tagKey(one)).not.toBe(tagKey(other));
  });
});

describe("cleanTags", () => {
  const grown = Array.from({ length: 50 }, (_, i) => `known-${String.fromCharCode(97 + (i % 26))}${i}x`);

  test("given spellings of tags in use, when cleaned, then the spelling in use is kept, once", () => {
    expect(cleanTags(["Mobile App", "mobile_apps", "AI"], ["ai", "mobile-apps"])).toEqual(["mobile-apps", "ai"]);
  });

  test("given two spellings in use, when cleaned, then the more used one wins", () => {
    expect(cleanTags(["Web Design"], ["webdesign", "web-design"])).toEqual(["webdesign"]);
  });

  test("given a grown catalog, when a page brings many new tags, then two of them stay", () => {
    const tags = cleanTags(["one-new", "two-new", "three-new", grown[0] ?? ""], grown);
    expect(tags).toEqual(["one-new", "two-new", grown[0] ?? ""]);
  });

  test("given a young catalog, when a page brings new tags, then all stay", () => {
    expect(cleanTags(["one-new", "two-new", "three-new"], grown.slice(0, 49))).toHaveLength(3);
  });

  test("given bare numbers, when cleaned, then only those in use stay", () => {
    expect(cleanTags(["2024", "2025"], ["2025"])).toEqual(["2025"]);
  });

  test("given catalog entries that are no tags, when cleaned, then they are not brought back", () => {
    expect(cleanTags(["Old Tag"], ["Old Tag"])).toEqual(["old-tag"]);
  });

  test("given anything at all, when cleaned, then every tag fits the pattern, once, at most 7, and again changes nothing", () => {
    const words = fc.array(fc.oneof(fc.string({ unit: "grapheme" }), fc.constantFrom(...grown)), { maxLength: 30 });
    fc.assert(
      fc.property(words, words, (raw, catalog) => {
        const tags = cleanTags(raw, catalog);
        expect(tags.length).toBeLessThanOrEqual(MAX_TAGS);
        expect(tags.every((tag) => TAG_PATTERN.test(tag))).toBe(true);
        expect(new Set(tags.map(tagKey)).size).toBe(tags.length);
        expect(cleanTags(tags, catalog)).toEqual(tags);
      }),
    );
  });
});
