import { expect, test } from "bun:test";
import { normalizeUrl } from "../../src/domains/links/subject.ts";
import { normalUrl } from "./normal-url.ts";

test.each([
  "http://example.org",
  "http://Example.org:80/A/?b=2&a=1&a=0#part",
  "https://me:secret@example.org:8443/path/",
  "http://example.org/?q=a b&q=(c)~!'*&z",
  "http://example.org/ä?ö=ü%20+",
  "http://example.org/?",
  "http://example.org/a/?x=/",
  "not an address",
])("given %s, when its normal form is told in two ways, then they agree", (url) => {
  expect(normalUrl(url)).toBe(normalizeUrl(url));
});
