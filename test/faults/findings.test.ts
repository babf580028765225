import { expect, test } from "bun:test";
import type { Running } from "../support/commands.ts";
import { stagesAtFault } from "./findings.ts";
import type { Started } from "./life.ts";

const TRACE = "Error: oh\n    at run (/src/router.ts:10:5)\n";
const IN_JSON = '{"level":"error","err":{"stack":"Error: oh\\n    at run (/src/router.ts:10:5)"}}\n';

interface Process extends Pick<Started, "asked"> {
  readonly code?: number;
  readonly signal?: NodeJS.Signals;
  readonly stderr?: string;
  readonly diesByItself?: boolean;
}

function found({ asked, code, signal, stderr = "", diesByItself = false }: Process): Promise<string[]> {
  const ended = { code: code ?? null, signal: signal ?? null, stdout: "", stderr, ms: 1 };
  const command = {
    ended: Promise.resolve(ended),
    hasEnded: () => code !== undefined || signal !== undefined,
    printed: () => ({ stdout: "", stderr }),
  } as Running;
  return stagesAtFault({ started: () => [{ name: "router", command, diesByItself, asked }] });
}

test.each<[string, Process]>([
  ["runs", { asked: null }],
  ["was killed", { asked: "kill", signal: "SIGKILL" }],
  ["was stopped", { asked: "stop", code: 0 }],
  ["was stopped before it could listen", { asked: "stop", signal: "SIGTERM" }],
  ["killed itself where it was told to", { asked: null, signal: "SIGKILL", diesByItself: true }],
])("given a stage that %s, then nothing is wrong with it", async (_, process) => {
  expect(await found(process)).toEqual([]);
});

test.each<[string, Process, RegExp]>([
  ["ended before it was killed", { asked: null, code: 1, stderr: "oh" }, /^router ended with 1: oh$/],
  ["ended well, but by itself", { asked: null, code: 0 }, /^router ended with 0/],
  ["was stopped and failed", { asked: "stop", code: 1 }, /^router ended with 1/],
  ["was killed by somebody else", { asked: null, signal: "SIGKILL" }, /^router ended with SIGKILL/],
  [
    "printed a stack trace before a kill",
    { asked: "kill", signal: "SIGKILL", stderr: TRACE },
    /a stack trace: Error: oh/,
  ],
  ["logged a stack trace", { asked: null, stderr: IN_JSON }, /a stack trace/],
])("given a stage that %s, then it is found", async (_, process, what) => {
  expect(await found(process)).toEqual([expect.stringMatching(what)]);
});
