import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Hono } from "hono";

/** Parts of the one style sheet, in the order they are read. */
const STYLES = ["theme.css", "base.css", "parts.css", "links.css", "link.css", "status.css", "failures.css"];
const TYPES = {
  "app.css": "text/css; charset=utf-8",
  "live.js": "text/javascript; charset=utf-8",
  "icon.svg": "image/svg+xml",
};

export interface Assets {
  /** Changes with any of them, so that browsers may keep them for ever. */
  readonly version: string;
  readonly files: ReadonlyMap<string, string>;
}

/** The style sheet and the script, read once. */
export function loadAssets(): Assets {
  const folder = join(import.meta.dirname, "assets");
  const read = (name: string) => readFileSync(join(folder, name), "utf8");
  const files = new Map([
    ["app.css", STYLES.map(read).join("\n")],
    ["live.js", read("live.js")],
    ["icon.svg", read("icon.svg")],
  ]);
  const hash = createHash("sha256");
  for (const text of files.values()) hash.update(text);
  return { files, version: hash.digest("hex").slice(0, 12) };
}

/** Serves them under their version. */
export function mountAssets(app: Hono, { files, version }: Assets): void {
  for (const [name, text] of files) {
    const type = TYPES[name as keyof typeof TYPES];
    const headers = { "Content-Type": type, "Cache-Control": "public, max-age=31536000, immutable" };
    app.get(`/assets/${version}/${name}`, (c) => c.body(text, 200, headers));
  }
}
