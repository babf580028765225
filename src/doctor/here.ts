import { readFile } from "node:fs/promises";
import { type Check, ok } from "./check.ts";

/** This program and what runs it. */
export function hereChecks(): Check[] {
  return [
    {
      family: "here",
      name: "versions",
      async run() {
        const file = await readFile(new URL("../../package.json", import.meta.url), "utf8");
        const { version } = JSON.parse(file) as { version: string };
        const runtime = process.versions.bun ? `Bun ${process.versions.bun}` : `Node ${process.versions.node}`;
        return ok(`stream-agents ${version}, ${runtime}, ${process.platform} ${process.arch}`);
      },
    },
  ];
}
