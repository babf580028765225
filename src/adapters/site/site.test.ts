import { describe, expect, test } from "bun:test";
import { mkdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { LinkView } from "../../domains/links/fold.ts";
import { PAGE_SIZE } from "./index-page.ts";
import { aFolder, aLink, type Folder } from "./test-kit.ts";

describe("the site's folder", () => {
  test("given nothing was published, when the site starts, then index and feeds are there and empty", async () => {
    await using folder = await aFolder();
    await folder.open().init();
    expect(Object.keys(await folder.contents())).toEqual(["feed.json", "feed.xml", "index.html", "style.css"]);
    expect(JSON.parse(await folder.read("feed.json")).items).toEqual([]);
  });

  test("given a public link, when it is put, then page, index and both feeds show it", async () => {
    await using folder = await aFolder();
    const link = aLink("https://example.com/a", { title: "A fine title" });
    await folder.open().put(link);
    for (const file of [folder.pageOf(link), "index.html", "feed.xml", "feed.json"]) {
      expect(await folder.read(file)).toContain("A fine title");
    }
  });

  test("given a link was put, when it changes, then nothing of its old form is left", async () => {
    await using folder = await aFolder();
    const site = folder.open();
    await site.put(aLink("https://example.com/a", { title: "First words" }));
    await site.put(aLink("https://example.com/a", { title: "Second words" }));
    expect(Object.values(await folder.contents()).join()).not.toContain("First words");
  });

  for (const take of ["remove", "put as private"] as const) {
    test(`given a published link, when it is taken away (${take}), then no file speaks of it`, async () => {
      await using folder = await aFolder();
      const site = folder.open();
      const link = aLink("https://example.com/secret");
      await site.init();
      const before = await folder.contents();
      await site.put(link);
      if (take === "remove") await site.remove(link.subjectId);
      else await site.put({ ...link, visibility: "private" });
      expect(await folder.contents()).toEqual(before);
    });
  }

  test("given an unknown link, when it is removed, then nothing happens", async () => {
    await using folder = await aFolder();
    const site = folder.open();
    await site.put(aLink("https://example.com/a"));
    const before = await folder.contents();
    await site.remove("link:0000000000000000");
    expect(await folder.contents()).toEqual(before);
  });

  test("given the same links, when another folder gets them in another order, then every byte is equal", async () => {
    await using one = await aFolder();
    await using other = await aFolder();
    const links = Array.from({ length: 12 }, (_, index) => aLink(`https://example.com/${index}`));
    for (const link of links) await one.open().put(link);
    const site = other.open();
    await Promise.all(links.toReversed().map((link) => site.put(link)));
    expect(await other.contents()).toEqual(await one.contents());
  });

  test("given nothing changed, when a link is put again, then no file is written", async () => {
    await using folder = await aFolder();
    const link = aLink("https://example.com/a");
    const inodes = async () =>
      Promise.all(Object.keys(await folder.contents()).map(async (file) => (await stat(join(folder.path, file))).ino));
    await folder.open().put(link);
    const before = await inodes();
    await folder.open().put({ ...link, version: link.version + 1 });
    expect(await inodes()).toEqual(before);
  });

  test("given 200 links at once, when they are put, then each is shown when its own call ends", async () => {
    await using folder = await aFolder();
    const site = folder.open();
    const links = Array.from({ length: 200 }, (_, index) => aLink(`https://example.com/${index}`));
    await Promise.all(
      links.map(async (link) => {
        await site.put(link);
        expect(await folder.read("index.html")).toContain(`"${folder.pageOf(link)}"`);
      }),
    );
    expect(JSON.parse(await folder.read("feed.json")).items).toHaveLength(100);
  });

  test("given subject ids of any form, when they are put, then they stay inside the folder and apart", async () => {
    await using folder = await aFolder();
    const site = folder.open();
    const ids = ["../../outside", "link:../up", "LINK:A", "link:a", ""].map((id) => `${id}/`);
    for (const subjectId of ids) await site.put({ ...aLink("https://example.com/a"), subjectId });
    const pages = Object.keys(await folder.contents()).filter((file) => /^links\/other-[0-9a-f]{32}\.html$/.test(file));
    expect(pages).toHaveLength(ids.length);
  });
});

describe("older pages", () => {
  const LINKS = Array.from({ length: 2 * PAGE_SIZE + 2 }, (_, index) =>
    aLink(`https://example.com/${index}`, { addedAt: new Date(Date.UTC(2025, 0, 1) + index * 60_000).toISOString() }),
  );
  const NEWEST = aLink("https://example.com/newest", { addedAt: "2025-06-01T00:00:00Z" });
  const inodesOf = (folder: Folder, files: readonly string[]) =>
    Promise.all(files.map(async (file) => (await stat(join(folder.path, file))).ino));

  test("given older pages, when a newer link is put, then the front page says so and they are left alone", async () => {
    await using folder = await aFolder();
    const site = folder.open();
    await site.putAll(LINKS);
    const older = ["older-1.html"];
    const before = await inodesOf(folder, older);
    await site.put(NEWEST);
    expect(await folder.read("index.html")).toContain(folder.pageOf(NEWEST));
    expect(await inodesOf(folder, older)).toEqual(before);
  });

  test("given a link on an older page, when it changes or goes, then its page follows", async () => {
    await using folder = await aFolder();
    const site = folder.open();
    await site.putAll([...LINKS, NEWEST]);
    const [first, second] = LINKS as [LinkView, LinkView];
    await site.put({ ...first, title: "Other words" });
    expect(await folder.read("older-1.html")).toContain("Other words");
    await site.remove(second.subjectId);
    expect(await folder.read("older-1.html")).not.toContain(folder.pageOf(second));
    await using afresh = await aFolder();
    await afresh.open().putAll([...LINKS.slice(2), NEWEST, { ...first, title: "Other words" }]);
    expect(await folder.contents()).toEqual(await afresh.contents());
  });

  test("given lists that something else wrote over or deleted, when any link is put, then they are right again", async () => {
    await using folder = await aFolder();
    const site = folder.open();
    await site.putAll(LINKS);
    const before = await folder.contents();
    for (const file of ["older-1.html", "index.html", "feed.xml", "feed.json"]) {
      await writeFile(join(folder.path, file), "something else");
      await site.put(LINKS[0] as LinkView);
      expect(await folder.read(file)).toBe(before[file] as string);
      await Bun.file(join(folder.path, file)).delete();
      await site.put(LINKS[0] as LinkView);
      expect(await folder.read(file)).toBe(before[file] as string);
    }
  });
});

describe("after a killed run", () => {
  test("given its temp files, when the site starts, then they are gone and a living process keeps its own", async () => {
    await using folder = await aFolder();
    await folder.open().put(aLink("https://example.com/a"));
    const before = Object.keys(await folder.contents());
    const gone = [".tmp-99999999-0badcafe-1-index.html", "links/.tmp-99999999-0badcafe-2-link-1.json"];
    const ownPidOfAnEarlierLife = `.tmp-${process.pid}-0badcafe-7-feed.xml`;
    const alive = `.tmp-${process.ppid}-0badcafe-3-feed.xml`;
    for (const name of [...gone, ownPidOfAnEarlierLife, alive]) await writeFile(join(folder.path, name), "half");
    await folder.open().init();
    expect(Object.keys(await folder.contents()).sort()).toEqual([alive, ...before].sort());
  });

  test("given a removal cut off after its item, when the site starts, then page and entries follow", async () => {
    await using folder = await aFolder();
    await folder.open().init();
    const before = await folder.contents();
    const link = aLink("https://example.com/a");
    await folder.open().put(link);
    await Bun.file(join(folder.path, folder.itemOf(link))).delete();
    await folder.open().init();
    expect(await folder.contents()).toEqual(before);
  });

  test("given a put cut off after its item, when the site starts, then page and entries follow", async () => {
    await using whole = await aFolder();
    await using cut = await aFolder();
    const link = aLink("https://example.com/a");
    await whole.open().put(link);
    await mkdir(join(cut.path, "links"), { recursive: true });
    await writeFile(join(cut.path, cut.itemOf(link)), await whole.read(whole.itemOf(link)));
    await cut.open().init();
    expect(await cut.contents()).toEqual(await whole.contents());
  });

  test("given a damaged item, when the site starts, then the others are shown and it is not", async () => {
    await using folder = await aFolder();
    const [good, bad] = [aLink("https://example.com/good"), aLink("https://example.com/bad")];
    await folder.open().put(good);
    await folder.open().put(bad);
    await writeFile(join(folder.path, folder.itemOf(bad)), '{"id": "link:');
    await folder.open().init();
    const index = await folder.read("index.html");
    expect(index).toContain(folder.pageOf(good));
    expect(index).not.toContain(folder.pageOf(bad));
  });
});

describe("two writers on one folder", () => {
  test("given both put and remove, when all calls ended, then the folder says what its items say", async () => {
    await using folder = await aFolder();
    await using expected = await aFolder();
    const [one, other] = [folder.open(), folder.open()];
    const links = Array.from({ length: 60 }, (_, index) => aLink(`https://example.com/${index}`));
    await Promise.all(links.slice(0, 30).map((link) => one.put(link)));
    await Promise.all(
      links.map((link, index) => {
        const writer = index % 2 ? one : other;
        return index % 3 === 0 ? writer.remove(link.subjectId) : writer.put(link);
      }),
    );
    const calm = expected.open();
    await Promise.all(links.filter((_, index) => index % 3 !== 0).map((link) => calm.put(link)));
    expect(await folder.contents()).toEqual(await expected.contents());
  });

  test("given both write one link, when all calls ended, then its page and entries agree with its item", async () => {
    await using folder = await aFolder();
    const [one, other] = [folder.open(), folder.open()];
    const link = aLink("https://example.com/a");
    const writes = Array.from({ length: 40 }, (_, index) => {
      const writer = index % 2 ? one : other;
      return index % 5 === 4 ? writer.remove(link.subjectId) : writer.put({ ...link, title: `Title ${index}` });
    });
    await Promise.all(writes);
    const before = await folder.contents();
    await folder.open().init();
    expect(await folder.contents()).toEqual(before);
  });
});
