import { open, realpath, stat } from "node:fs/promises";
import { extname, join, sep } from "node:path";
import type { Hono } from "hono";
import { Problem } from "./problems.ts";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".xml": "application/xml; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".txt": "text/plain; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".jpg": "image/jpeg",
  ".ico": "image/x-icon",
};
const NAMED: Readonly<Record<string, string>> = {
  "feed.xml": "application/rss+xml; charset=utf-8",
  "feed.json": "application/feed+json; charset=utf-8",
};
/** The site has no scripts; nothing that got into it may have one either. */
const POLICY =
  "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Serves the public site's files, read-only, under `/site/`. */
export function mountSite(app: Hono, directory: string): void {
  app.get("/site", (c) => c.redirect("/site/", 301));
  app.get("/site/*", async (c) => {
    const path = partsOf(new URL(c.req.url).pathname.slice("/site/".length));
    const found = path && (await resolveIn(directory, path));
    if (!found) {
      throw new Problem(404, "The site has no such page. It is written as soon as the first public link is published.");
    }
    if (found.isFolder) return c.redirect(`${new URL(c.req.url).pathname}/`, 301);
    const name = found.path.slice(found.path.lastIndexOf(sep) + 1);
    const type = NAMED[name] ?? TYPES[extname(name)] ?? "application/octet-stream";
    return c.body(await readAll(found.path), 200, {
      "Content-Type": type,
      "Content-Security-Policy": POLICY,
      "Cache-Control": "no-cache",
    });
  });
}

/** The path's parts, decoded; null for one that leaves the folder or names a hidden file. */
function partsOf(path: string): string[] | null {
  try {
    const parts = path.split("/").map(decodeURIComponent);
    const last = parts.pop() ?? "";
    const names = [...parts, last === "" ? "index.html" : last];
    return names.every((name) => name !== "" && !name.startsWith(".") && !/[\\/\0]/.test(name)) ? names : null;
  } catch {
    return null;
  }
}

async function resolveIn(
  directory: string,
  parts: readonly string[],
): Promise<{ path: string; isFolder: boolean } | null> {
  try {
    const root = await realpath(directory);
    const path = await realpath(join(root, ...parts));
    // Also through links inside the folder nothing outside of it can be read.
    if (!path.startsWith(root + sep)) return null;
    const found = await stat(path);
    if (found.isDirectory()) return { path, isFolder: true };
    return found.isFile() ? { path, isFolder: false } : null;
  } catch {
    return null;
  }
}

async function readAll(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const file = await open(path, "r");
  try {
    return new Uint8Array(await file.readFile());
  } finally {
    await file.close();
  }
}
