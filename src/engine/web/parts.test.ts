import { expect, test } from "bun:test";
import { html } from "./html.ts";
import { ago, briefUrl, chip, duration, hostOf, outward, relativeTime, safeHref, upcomingTime } from "./parts.ts";

test.each([
  ["javascript:alert(1)", null],
  ["JaVaScRiPt:alert(1)", null],
  [" javascript:alert(1)", null],
  ["data:text/html,x", null],
  ["file:///etc/passwd", null],
  ["//evil.example.com", null],
  ["", null],
  [null, null],
  ["https://example.com/a", "https://example.com/a"],
  ['https://example.com/"onmouseover=x', "https://example.com/%22onmouseover=x"],
])("given the address %p, when it may become a link, then %p", (url, href) => {
  expect(safeHref(url)).toBe(href);
});

test("given an address that is no web address, when shown, then it is text", () => {
  expect(String(outward("javascript:alert(1)", "<b>"))).toBe('<span class="out">&lt;b&gt;</span>');
});

test("given text of others, when put into markup, then it stays text", () => {
  const text = `<img src=x onerror="alert('1')">&`;
  expect(String(html`<p title="${text}">${text}${null}${[text, html`<br>`]}</p>`)).not.toMatch(/<img|"alert/);
  expect(String(chip(`x" onclick="alert(1)`))).not.toContain('onclick="');
  expect(String(ago(`"><script>`, new Date()))).not.toContain("<script>");
});

test.each([
  [-400, "just now"],
  [-12_900, "12 s ago"],
  [-61_000, "1 min ago"],
  [-7_300_000, "2 h ago"],
  [-86_400_000, "1 day ago"],
  [-86_400_000 * 90, "3 months ago"],
  [12_500, "in 12 s"],
  [Number.NaN, "at an unknown time"],
])("given %p ms from now, when said, then %p", (ms, text) => {
  expect(relativeTime(ms)).toBe(text);
});

test("given a moment to come, when it has passed, then it is now", () => {
  expect([upcomingTime(5_000), upcomingTime(-5_000)]).toEqual(["in 5 s", "now"]);
});

test.each([
  [-3, "0 ms"],
  [412.4, "412 ms"],
  [3_240, "3.2 s"],
  [250_000, "4 min 10 s"],
  [119_700, "2 min 0 s"],
  [7_500_000, "2 h 5 min"],
  [84_706_560_000, "980 days"],
])("given %p ms, when a duration, then %p", (ms, text) => {
  expect(duration(ms)).toBe(text);
});

test("given addresses, when named, then without what all of them have", () => {
  expect(hostOf("https://www.example.com:8080/x")).toBe("example.com:8080");
  expect(hostOf("not a url")).toBe("not a url");
  expect(briefUrl("https://www.example.com/x/")).toBe("example.com/x");
  expect(briefUrl("https://ada:canary@www.example.com/x/")).toBe("example.com/x");
  expect(briefUrl(`https://example.com/${"x".repeat(200)}`)).toHaveLength(90);
});
