/** What the tests of the deployment files read. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { commands } from "../../src/cli/commands/index.ts";

export const root = fileURLToPath(new URL("../..", import.meta.url));

export function read(path: string): string {
  return readFileSync(`${root}${path}`, "utf8");
}

/** A YAML file with its anchors and merge keys resolved. */
export function readYaml<T>(path: string): T {
  return parse(read(path), { merge: true }) as T;
}

/** The names of all our commands. */
export const commandNames: readonly string[] = commands.map((command) => command.name);

/** The commands that run as services of their own: those that take `--once`, and the page. */
export const serviceCommands: readonly string[] = [
  ...commands.filter((command) => command.options?.some(([flags]) => flags === "--once")).map(({ name }) => name),
  "web",
];

const OF_OTHERS = ["BUN_RUNTIME_TRANSPILER_CACHE_PATH", "NODE_ENV"];
const SECRETS_BY_FILE = [...read("src/secret-files.ts").matchAll(/"([A-Z][A-Z0-9_]+)"/g)].map(([, name]) => name);

/** Every variable that the program or its runtime reads: src/config.ts is the only place that knows our own. */
export const variables: ReadonlySet<string> = new Set([
  ...[...read("src/config.ts").matchAll(/^ {2}([A-Z][A-Z0-9_]+): /gm)].map(([, name]) => name ?? ""),
  ...SECRETS_BY_FILE.map((name) => `${name}_FILE`),
  ...OF_OTHERS,
]);
