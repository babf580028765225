import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { writeWhole } from "./files.ts";

/** Tells other terminals where the servers of this STREAM_HOME are; only its owner may read the password in it. */
export function writeStackEnv(home: string, lines: Readonly<Record<string, string>>): void {
  const text = Object.entries(lines).map(([name, value]) => `${name}=${value}\n`);
  writeWhole(envFile(home), text.join(""));
}

/** The addresses of the running stack; empty when none runs. */
export function readStackEnv(home: string): Record<string, string> {
  let text: string;
  try {
    text = readFileSync(envFile(home), "utf8");
  } catch {
    return {};
  }
  const pairs = text.split("\n").map((line) => line.split(/=(.*)/s));
  return Object.fromEntries(pairs.flatMap(([name, value]) => (name && value !== undefined ? [[name, value]] : [])));
}

export function removeStackEnv(home: string): void {
  rmSync(envFile(home), { force: true });
}

function envFile(home: string): string {
  return join(home, "stack.env");
}
