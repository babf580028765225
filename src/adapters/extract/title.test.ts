import { expect, test } from "bun:test";
import type { Metadata } from "./metadata.ts";
import { titleOf } from "./title.ts";

const nothing: Metadata = {
  ogTitle: null,
  titleElement: null,
  headline: null,
  description: null,
  declaredTags: [],
  language: null,
  siteName: null,
};

const cases: [string, Partial<Metadata>, string[], string][] = [
  [
    "an h1 that the title element confirms",
    { titleElement: "Late boats - Harbour News" },
    ["News", "Late boats"],
    "Late boats",
  ],
  [
    "not an h1 that is the site's name",
    { titleElement: "Late boats | Harbour", siteName: "Harbour" },
    ["Harbour"],
    "Late boats",
  ],
  ["not an h1 that is the domain's name", { titleElement: "Late boats | Example" }, ["Example"], "Late boats"],
  ["the headline when no h1 is confirmed", { headline: "Late boats", ogTitle: "x" }, ["Menu", "More"], "Late boats"],
  ["the only h1", { titleElement: "Home" }, ["Late boats"], "Late boats"],
  ["Open Graph's before the title element", { ogTitle: "Late boats", titleElement: "Boats!" }, [], "Late boats"],
  ["the title element without the site's name", { titleElement: "Late boats – example.org" }, [], "Late boats"],
  ["without the site's name in front", { titleElement: "Example: Late boats" }, [], "Example: Late boats"],
  ["without the site's name in front, set apart", { titleElement: "Example | Late boats" }, [], "Late boats"],
  ["a dash that belongs to the title stays", { titleElement: "Boats - late ones" }, [], "Boats - late ones"],
  ["nothing", {}, [], ""],
];

test.each(cases)("%s", (_rule, metadata, headings, title) => {
  expect(titleOf({ ...nothing, ...metadata }, headings, "www.example.org")).toBe(title);
});
