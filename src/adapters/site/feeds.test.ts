import { describe, expect, test } from "bun:test";
import { parseHTML } from "linkedom";
import { listPage, listPages, PAGE_SIZE } from "./index-page.ts";
import { itemOf, type SiteItem } from "./item.ts";
import { placeOf } from "./items.ts";
import { jsonFeed } from "./json-feed.ts";
import { rssFeed } from "./rss.ts";
import { aFolder, aLink, assertWellFormed } from "./test-kit.ts";

const info = { title: "Ada's links", baseUrl: "https://links.example/ada/" };
const hour = (index: number) => new Date(Date.UTC(2024, 0, 1) + index * 3_600_000).toISOString();
const newest = (count: number) =>
  Array.from({ length: count }, (_, index) => itemOf(aLink(`https://example.com/${index}`, { addedAt: hour(-index) })));

const lists = (items: readonly SiteItem[]) =>
  listPages(items.map(placeOf)).map((page) => ({ path: page.path, text: listPage(info, page) }));

describe("feeds", () => {
  test("given a link, when the RSS is read, then guid, date, link and categories are the link's own", () => {
    const item = itemOf(aLink("https://www.example.com/a?x=1&y=2", { title: "Q & A", tags: ["c++", "r&d"] }));
    const xml = rssFeed(info, [item]);
    assertWellFormed(xml);
    expect(xml).toContain(`<guid isPermaLink="false">${item.id}</guid>`);
    expect(xml).toContain("<title>Q &amp; A</title>\n<link>https://www.example.com/a?x=1&amp;y=2</link>");
    expect(xml).toContain("<pubDate>Sat, 01 Mar 2025 10:00:00 GMT</pubDate>");
    expect(xml).toContain("<lastBuildDate>Sat, 01 Mar 2025 11:00:00 GMT</lastBuildDate>");
    expect(xml).toContain("<category>r&amp;d</category>");
    expect(xml).toContain('href="https://links.example/ada/feed.xml"');
  });

  test("given a link, when the JSON Feed is read, then it holds what version 1.1 asks for", () => {
    const item = itemOf(aLink("https://example.com/a", { title: "Q & A", summaryLong: "At length." }));
    expect(JSON.parse(jsonFeed(info, [item]))).toEqual({
      version: "https://jsonfeed.org/version/1.1",
      title: "Ada's links",
      home_page_url: "https://links.example/ada/",
      feed_url: "https://links.example/ada/feed.json",
      items: [
        {
          id: item.id,
          url: `https://links.example/ada/links/${item.id.replace(":", "-")}.html`,
          external_url: "https://example.com/a",
          title: "Q & A",
          content_text: "At length.",
          summary: "In short.",
          date_published: "2025-03-01T10:00:00.123Z",
          date_modified: "2025-03-01T11:00:00.000Z",
          tags: ["reading"],
          language: "en",
        },
      ],
    });
  });

  test("given more links than fit, when they are put in any order, then feeds hold the newest 100, newest first", async () => {
    await using folder = await aFolder();
    const site = folder.open();
    const links = Array.from({ length: 130 }, (_, index) =>
      aLink(`https://example.com/${index}`, { addedAt: hour((index * 37) % 130) }),
    );
    await Promise.all(links.map((link) => site.put(link)));
    const dates = JSON.parse(await folder.read("feed.json")).items.map(
      (item: { date_published: string }) => item.date_published,
    );
    expect(dates).toEqual(Array.from({ length: 100 }, (_, index) => hour(129 - index)));
    expect((await folder.read("feed.xml")).match(/<item>/g)).toHaveLength(100);
  });
});

describe("lists", () => {
  const linksOn = (text: string) =>
    [...parseHTML(text).document.querySelectorAll("a.day")].map((link) => link.getAttribute("href"));

  test("given a link not read yet, when it is listed, then its address stands for the title", () => {
    const url = "https://www.example.com/a/";
    const [front] = lists([itemOf(aLink(url, { title: url, summaryShort: "", tags: [] }))]);
    expect(front?.text).toContain(">example.com/a</a></h3>");
  });

  for (const count of [0, 1, PAGE_SIZE * 2 - 1, PAGE_SIZE * 2, PAGE_SIZE * 3 + 7]) {
    test(`given ${count} links, when all lists are read in order, then each link is there once, newest first`, () => {
      const items = newest(count);
      const listed = lists(items).flatMap((page) => linksOn(page.text));
      expect(listed).toEqual(items.map((item) => `links/${item.id.replace(":", "-")}.html`));
    });
  }

  test("given older pages, when a newer link comes, then only the front page changes", () => {
    const items = newest(PAGE_SIZE * 4 + 10);
    const [, ...before] = lists(items.slice(1));
    const [, ...after] = lists(items);
    expect(after).toEqual(before);
    expect(after.map((page) => page.path)).toEqual(["older-3.html", "older-2.html", "older-1.html"]);
  });

  test("given a list page, when its neighbours are followed, then they lead through all of them", () => {
    const pages = lists(newest(PAGE_SIZE * 4));
    const next = pages.map((page) =>
      parseHTML(page.text).document.querySelector('a[rel="next"]')?.getAttribute("href"),
    );
    expect(next).toEqual([...pages.slice(1).map((page) => page.path), undefined]);
  });
});
