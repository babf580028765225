import { expect, test } from "bun:test";
import { DEFAULT_TIMEOUT_MS } from "./extractor.ts";
import { isTame, MAX_DEPTH } from "./guard.ts";
import { readPlainHtml } from "./plain-html.ts";

const repeated = (text: string, times: number) => text.repeat(times);

test.each([
  ["an ordinary page", "<html><body><p>One<p>Two<ul><li>a<li>b</ul><br><img src=x></body></html>", true],
  ["many paragraphs that nobody closed", repeated("<p>text", 2_000), true],
  ["many void elements", repeated("<br><img src=a>", 2_000), true],
  ["deep, but not too deep", repeated("<div>", 499), true],
  ["too deep", repeated("<div>", 20_000), false],
  ["deep behind a quoted >", repeated('<div title = "a>b">', 501), false],
  ["deep inside a script is only text", `<script>${repeated("<div>", 20_000)}</script>`, true],
  ["too many links", repeated('<a href="/x">x</a>', 200_000), false],
  ["too many attributes", `<div ${repeated("a ", 100_000)}>`, false],
  ["one long attribute", `<img src="data:image/png;base64,${repeated("A", 1_000_000)}">`, true],
])("%s", (_what, html, tame) => {
  expect(isTame(html)).toBe(tame);
});

test("given no other word, then a page is parsed for 10 s at most, and 500 elements deep", () => {
  expect([DEFAULT_TIMEOUT_MS, MAX_DEPTH]).toEqual([10_000, 500]);
});

test("the scanner takes linear time, whatever is left open", () => {
  const start = performance.now();
  for (const piece of ["<", "<a", "<!--", "<!", "</", '<a b="', "<title>", "<script>", "</title", "&#", "<p ='"]) {
    readPlainHtml(repeated(piece, 300_000));
    isTame(repeated(piece, 300_000));
  }
  expect(performance.now() - start).toBeLessThan(5_000);
});

test("the plain reading keeps title, description and text, and drops scripts", () => {
  const page = readPlainHtml(`
    <title>Fish &amp; chips</title><meta name="description" content="About &quot;fish&quot;">
    <style>p { color: red }</style><script>var x = "<p>no</p>";</script>
    <h1>Fish</h1><p>One&nbsp;<b>two</b> thr<i>ee</i></p><table><tr><td>a</td><td>b</td></tr></table>a < b`);
  expect(page.title).toBe("Fish & chips");
  expect(page.description).toBe('About "fish"');
  expect(page.text).toBe("Fish\n\nOne two three\n\na b\n\na < b");
});
