import { describe, expect, test } from "bun:test";
import { answerSchema } from "../../domains/links/enrich/schema.ts";
import { closeTruncated, jsonCandidates } from "./json-answer.ts";

const ANSWER = {
  language: "en",
  tags: ["machine-learning", 'quo"ted', "back\\slash"],
  summary_short: "Short: {with} [signs], “quotes” and \u00e9.",
  summary_long: "Long.",
};

const firstValid = (text: string) => {
  for (const candidate of jsonCandidates(text)) {
    const answer = answerSchema.safeParse(candidate);
    if (answer.success) return answer.data;
  }
  return null;
};

describe("jsonCandidates", () => {
  test("given an answer cut at any character, when read, then it gives nothing or whole tags, never half of one", () => {
    for (const text of [JSON.stringify(ANSWER), JSON.stringify(ANSWER, null, 2)]) {
      for (let length = 0; length <= text.length; length++) {
        const answer = firstValid(`Here: ${text.slice(0, length)}`);
        if (answer) expect(answer.tags).toEqual(ANSWER.tags);
      }
      expect(firstValid(text)).toEqual(ANSWER);
    }
  });

  test("given a model that ran away into blanks or braces, when read, then it ends soon with nothing", () => {
    const startedAt = performance.now();
    for (const piece of [" ", "{", '"', "{ ", '" :', "[", "```", "<think>"]) {
      expect(firstValid(`{"tags": ["a"${piece.repeat(200_000)}x`)).toBeNull();
    }
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });
});

describe("closeTruncated", () => {
  test.each([
    ['{"a": "text', '{"a": "text"}'],
    ['{"a": "text\\u00', '{"a": "text"}'],
    ['{"a": ["one", "tw', '{"a": ["one"]}'],
    ['{"a": 1, "b', '{"a": 1}'],
    ['{"a": 1, "b": tr', '{"a": 1}'],
    ['{"a": {"b": [1,', '{"a": {"b": [1]}}'],
  ])("given %s, when closed, then it is %s", (cut, closed) => {
    expect(closeTruncated(cut)).toBe(closed);
  });
});
