import { describe, expect, test } from "bun:test";
import { tagKey } from "./tags.ts";
import { phraseKey, tokenize } from "./tokens.ts";

const words = (text: string) => tokenize(text).map((token) => token.word);

describe("tokenize", () => {
  test("given names with signs, when split, then they stay whole", () => {
    expect(words("Node.js, C++ and C# for M&A. Ada's café")).toEqual([
      ...["node.js", "c++", "and", "c#", "for", "m&a", "ada", "cafe"],
    ]);
  });

  test("given Latin names in other scripts, when split, then they are found and the rest is passed over", () => {
    expect(words("使用Kubernetes部署 и Ryzen")).toEqual(["kubernetes", "ryzen"]);
  });
});

describe("phraseKey", () => {
  const tokens = tokenize("Cloud Computing. Cyber-Security needs machine\nlearning, really");
  test("given words side by side, with a hyphen or a line break, when joined, then the key is the tag's", () => {
    expect(phraseKey(tokens, 0, 2)).toBe(tagKey("cloud-computing"));
    expect(phraseKey(tokens, 2, 2)).toBe(tagKey("cybersecurity"));
    expect(phraseKey(tokens, 5, 2)).toBe(tagKey("machine-learning"));
  });

  test("given words apart or the end, when joined, then there is no phrase", () => {
    expect(phraseKey(tokens, 1, 2)).toBeNull();
    expect(phraseKey(tokens, 6, 2)).toBeNull();
    expect(phraseKey(tokens, 7, 2)).toBeNull();
  });
});
