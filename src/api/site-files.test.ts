import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testWeb } from "./testing.ts";

let home: string;
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), "site-files-"));
  mkdirSync(join(home, "site", "links"), { recursive: true });
  writeFileSync(join(home, "secret.txt"), "secret");
  const files = {
    "index.html": "<h1>Links</h1>",
    "feed.xml": "<rss/>",
    "feed.json": "{}",
    "style.css": "",
    ".tmp-1-x": "half",
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(home, "site", name), text);
  writeFileSync(join(home, "site", "links", "a b.html"), "page");
  symlinkSync(join(home, "secret.txt"), join(home, "site", "way-out.txt"));
});
afterAll(() => rmSync(home, { recursive: true }));

const get = (path: string) => testWeb({ siteDirectory: join(home, "site") }).request(path);

test.each([
  ["/site/", "text/html; charset=utf-8"],
  ["/site/index.html", "text/html; charset=utf-8"],
  ["/site/feed.xml", "application/rss+xml; charset=utf-8"],
  ["/site/feed.json", "application/feed+json; charset=utf-8"],
  ["/site/style.css", "text/css; charset=utf-8"],
  ["/site/links/a%20b.html", "text/html; charset=utf-8"],
])("given %s, when asked for, then it comes as %s and may run nothing", async (path, type) => {
  const { status, headers } = await get(path);
  expect([status, headers.get("content-type")]).toEqual([200, type]);
  expect(headers.get("content-security-policy")).not.toContain("script");
});

test.each([
  "/site/..%2fsecret.txt",
  "/site/%2e%2e/secret.txt",
  "/site/%2e%2e%2fsecret.txt",
  "/site/links/..%2f..%2fsecret.txt",
  "/site/..%5csecret.txt",
  "/site//secret.txt",
  "/site/way-out.txt",
  "/site/.tmp-1-x",
  "/site/%00",
  "/site/%ff",
  "/site/nothing.html",
  "/site/links/",
])("given %s, when asked for, then there is no such page", async (path) => {
  const response = await get(path);
  expect(response.status).toBe(404);
  expect(await response.text()).not.toContain("secret");
});

test("given folders without a slash, when asked for, then the browser is sent on", async () => {
  expect((await get("/site")).headers.get("location")).toBe("/site/");
  expect((await get("/site/links")).headers.get("location")).toBe("/site/links/");
});

test("given no site yet, when asked for, then the page says when there will be one", async () => {
  const response = await testWeb().request("/site/", { headers: { accept: "text/html" } });
  expect(response.status).toBe(404);
  expect(await response.text()).toContain("as soon as the first public link");
});
