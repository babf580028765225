import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { Glob } from "bun";
import { commandNames, read, root, variables } from "./files.ts";

const instructions = read("Dockerfile")
  .replace(/^#.*\n/gm, "")
  .replace(/\\\n/g, " ")
  .split("\n")
  .filter(Boolean)
  .map((line) => {
    const [name = "", ...words] = line.trim().split(/\s+/);
    return { name, words, line };
  });
const all = (name: string) => instructions.filter((instruction) => instruction.name === name);
const sources = all("COPY")
  .filter(({ words }) => !words[0]?.startsWith("--from="))
  .flatMap(({ words }) => words.slice(0, -1));

describe("Dockerfile", () => {
  test("pins its bases by tag and digest", () => {
    const bases = all("FROM").map(({ words }) => words[0]);
    expect(bases.length).toBe(2);
    expect(bases.filter((base) => !/^\w+:[\w.-]+@sha256:[0-9a-f]{64}$/.test(base ?? ""))).toEqual([]);
  });

  test("ends as a user without rights, by number", () => {
    expect(all("USER").at(-1)?.words).toEqual(["10001:10001"]);
  });

  test("runs our program in its own place, with a command that exists", () => {
    expect(all("ENTRYPOINT").map(({ line }) => line)).toEqual(['ENTRYPOINT ["stream-agents"]']);
    const [command] = JSON.parse(all("CMD").at(-1)?.words.join(" ") ?? "[]");
    expect(commandNames).toContain(command);
    const wrapper = read("deploy/docker/stream-agents");
    expect(wrapper).toContain('exec bun --no-env-file /app/src/cli/main.ts "$@"');
    expect(statSync(join(root, "deploy/docker/stream-agents")).mode & 0o111).toBe(0o111);
  });

  test("sets only variables that are read", () => {
    const names = all("ENV").flatMap(({ words }) => words.map((word) => word.split("=")[0] ?? ""));
    expect(names.filter((name) => !variables.has(name))).toEqual([]);
  });

  test.each(sources)("copies %s, which exists and is not ignored", (source) => {
    expect(existsSync(join(root, source))).toBe(true);
    expect(isSent(source)).toBe(true);
  });

  test("carries every file that the program's own imports need, and no tests", () => {
    const imported = new Set<string>();
    follow("src/cli/main.ts", imported);
    const commands = readdirSync(join(root, "src/cli/commands")).filter((file) => !file.endsWith(".test.ts"));
    for (const file of commands) follow(`src/cli/commands/${file}`, imported);
    const missing = [...imported].filter((file) => !isSent(file) || !sources.some((source) => file.startsWith(source)));
    expect(imported.size).toBeGreaterThan(100);
    expect(missing).toEqual([]);
    expect(isSent("src/config.test.ts")).toBe(false);
  });

  test("lets nothing private in", () => {
    for (const file of [".env", ".git/config", ".stream/stack.env", "node_modules/bun/package.json", "test/run.ts"]) {
      expect(isSent(file)).toBe(false);
    }
  });
});

/** Whether .dockerignore lets a file into the build: the last pattern that names it or a folder of it decides. */
function isSent(path: string): boolean {
  const patterns = read(".dockerignore")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  const parts = path.split("/");
  const names = parts.map((_, index) => parts.slice(0, index + 1).join("/"));
  return patterns.reduce((sent, pattern) => {
    const excepted = pattern.startsWith("!");
    const glob = new Glob(excepted ? pattern.slice(1) : pattern);
    return names.some((name) => glob.match(name)) ? excepted : sent;
  }, true);
}

/** Collects a module and what it imports by relative path, at once or later. */
function follow(file: string, found: Set<string>): void {
  if (found.has(file) || !/\.(ts|mjs)$/.test(file)) return;
  found.add(file);
  const source = read(file);
  for (const [, specifier = ""] of source.matchAll(/(?:from |import\(|import )"(\.[^"]+)"/g)) {
    follow(join(file, "..", specifier), found);
  }
}
