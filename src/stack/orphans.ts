import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { processStart } from "../../bootstrap/lock.mjs";
import { StackError } from "./errors.ts";
import { writeWhole } from "./files.ts";
import type { StackLog } from "./types.ts";

/** What is noted of a started server, so that a later start recognises it without doubt. */
interface ServerRecord {
  readonly pid: number;
  readonly start: string;
  /** Part of its command line: the data it works on. */
  readonly folder: string;
  readonly port: number;
}

const STOP_MS = 10_000;
const KILL_MS = 5_000;

export function recordServer(home: string, name: string, server: Omit<ServerRecord, "start">): void {
  const start = processStart(server.pid);
  if (start) writeWhole(recordFile(home, name), JSON.stringify({ ...server, start }));
}

/** What was last started under this name. */
export function recordedServer(home: string, name: string): { readonly pid: number } | null {
  return readRecord(home, name) ?? null;
}

/** The port of last time. */
export function lastPort(home: string, name: string): number | undefined {
  return readRecord(home, name)?.port;
}

/** Stops a server that a killed run left behind. A process that only has its pid is left alone. */
export async function stopOrphan(home: string, name: string, signal: NodeJS.Signals, log: StackLog): Promise<void> {
  const record = readRecord(home, name);
  if (!record || !runs(record)) return;
  log.warn(`${name}: stopping the server (pid ${record.pid}) that an earlier run left behind`);
  if (await endedAfter(record, signal, STOP_MS)) return;
  if (!(await endedAfter(record, "SIGKILL", KILL_MS)))
    throw new StackError(`${name} (pid ${record.pid}) of an earlier run cannot be stopped: stop it by hand.`);
}

function runs(record: ServerRecord): boolean {
  return processStart(record.pid) === record.start && commandLine(record.pid).includes(record.folder);
}

async function endedAfter(record: ServerRecord, signal: NodeJS.Signals, deadlineMs: number): Promise<boolean> {
  const deadline = Date.now() + deadlineMs;
  let asked = false;
  while (Date.now() < deadline) {
    if (!runs(record)) return true;
    if (!asked) process.kill(record.pid, signal);
    asked = true;
    await sleep(50);
  }
  return !runs(record);
}

function commandLine(pid: number): string {
  try {
    if (process.platform === "linux") return readFileSync(`/proc/${pid}/cmdline`, "utf8");
    return execFileSync("ps", ["-ww", "-o", "command=", "-p", String(pid)], { encoding: "utf8" });
  } catch {
    return "";
  }
}

function readRecord(home: string, name: string): ServerRecord | undefined {
  try {
    return JSON.parse(readFileSync(recordFile(home, name), "utf8"));
  } catch {
    return undefined; // The first start, or a power cut: then nothing of it runs.
  }
}

function recordFile(home: string, name: string): string {
  return join(home, "run", `${name}.json`);
}
