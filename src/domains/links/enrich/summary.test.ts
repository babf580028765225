import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { capLength, cleanSummary } from "./summary.ts";

describe("cleanSummary", () => {
  test.each([
    ["See [the docs](https://x.example/a_(b)) now.", "See the docs now."],
    ["![logo](http://x.example/l.png) Hello.", "Hello."],
    ["Go to https://evil.example/?q=1 today.", "Go to today."],
    ["Write to www.evil.example (or mailto:a@b.example).", "Write to (or)."],
    ["# Title", "Title"],
    ["**Bold** and `code` and *this* stay.", "Bold and code and this stay."],
    ["- one\n- two", "one - two"],
    ["<b>Bold</b><script>x()</script>", "Bold x()"],
    ["<scr<b>ipt>x", "x"],
    ["snake_case_name and 2 * 3 * 4", "snake_case_name and 2 * 3 * 4"],
    ["a < b and b > c", "a < b and b > c"],
    ["one\u0000\u202etwo\u200b\tthree\n four", "onetwo three four"],
  ])("given %j, when cleaned, then it reads %j", (raw, clean) => {
    expect(cleanSummary(raw, 200)).toBe(clean);
  });

  test("given anything at all, when cleaned, then there is no URL, no control character, and not too much", () => {
    const pieces = fc.constantFrom(
      "[",
      "](",
      ")",
      "https://",
      "a.example",
      "<",
      ">",
      "*",
      " ",
      "\u202e",
      "x",
      "\n",
      "!",
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(pieces, fc.string()), { maxLength: 60 }), (parts) => {
        const clean = cleanSummary(parts.join(""), 80);
        expect(clean.length).toBeLessThanOrEqual(80);
        expect(clean).not.toMatch(/https?:\/\/\w|\]\(|\p{Cc}|\p{Bidi_Control}/u);
      }),
    );
  });
});

describe("capLength", () => {
  test("given a sentence that ends in the second half, when capped, then it is cut there", () => {
    expect(capLength("This is the first. And this the second one.", 30)).toBe("This is the first.");
  });

  test("given one long sentence, when capped, then it is cut after a word and says so", () => {
    expect(capLength("one two three, four five six", 16)).toBe("one two three…");
  });

  test("given an emoji at the cut, when capped, then no half of it remains", () => {
    expect(capLength("a".repeat(8) + "😀".repeat(5), 10).isWellFormed()).toBe(true);
  });
});
