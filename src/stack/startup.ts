import { setTimeout as sleep } from "node:timers/promises";
import type { GuardedChild } from "./child.ts";
import { StackError } from "./errors.ts";
import { choosePort } from "./ports.ts";
import type { RunningServer } from "./types.ts";

/** Somebody took the port between our look and the server's. */
class PortTaken extends StackError {}

const PORT_TRIES = 3;
const POLL_MS = 25;

/** Starts a server on the port asked for, or on a free one; the latter again if somebody else was faster. */
export async function onPort<T>(
  wanted: number | undefined,
  variable: string,
  last: number | undefined,
  start: (port: number) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(await choosePort(wanted, variable, last));
    } catch (error) {
      if (!(error instanceof PortTaken) || wanted !== undefined || attempt === PORT_TRIES) throw error;
    }
  }
}

export interface Readiness {
  readonly name: string;
  readonly logFile: string;
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
  /** Really asks the server something. */
  probe(): Promise<boolean>;
}

/** Waits until the server answers; when it does not come up, stops it and says why in one sentence. */
export async function untilReady(child: GuardedChild, readiness: Readiness): Promise<void> {
  try {
    await answers(child, readiness);
  } catch (error) {
    await child.stop(5_000);
    throw error;
  }
}

async function answers(child: GuardedChild, { name, logFile, deadlineMs, signal, probe }: Readiness): Promise<void> {
  const deadline = Date.now() + deadlineMs;
  const ended = child.exited.then((code) => reasonOfEnd(name, code, child.said(), logFile));
  while (Date.now() < deadline) {
    signal.throwIfAborted();
    const outcome = await Promise.race([ended, probe()]);
    if (outcome instanceof StackError) throw outcome;
    if (outcome) return;
    await sleep(POLL_MS);
  }
  throw new StackError(`${name} did not answer within ${deadlineMs / 1000} seconds; its log is ${logFile}.`);
}

/** A server that is up, as the stack sees it. */
export function runningServer(
  child: GuardedChild,
  server: { name: string; logFile: string; stopMs: number; address: string; description: string },
): RunningServer {
  let stopping = false;
  return {
    address: server.address,
    description: server.description,
    died: new Promise((resolve) => {
      child.exited.then((code) => stopping || resolve(reasonOfEnd(server.name, code, child.said(), server.logFile)));
    }),
    stop() {
      stopping = true;
      return child.stop(server.stopMs);
    },
  };
}

/** Turns what a server wrote before it ended into one sentence. */
export function reasonOfEnd(name: string, code: number | string, said: string, logFile: string): StackError {
  if (/Address already in use|BindException/.test(said))
    return new PortTaken(`${name}: its port was taken by somebody else.`);
  if (/No space left on device/.test(said)) return new StackError(`${name}: the disk is full.`);
  if (/java: (not found|No such file)/.test(said))
    return new StackError(`${name} needs Java 17 or newer: none was found.`);
  if (/UnsupportedClassVersionError/.test(said)) return new StackError(`${name} needs Java 17 or newer.`);
  if (/Cannot allocate memory|Could not reserve enough space/.test(said))
    return new StackError(`${name}: there is not enough free memory.`);
  const version = /initialized by PostgreSQL version (\d+)/.exec(said)?.[1];
  if (version) return new StackError(`${name}: the data of this STREAM_HOME was made by version ${version}.`);
  const lines = said.split("\n").filter((line) => line.trim() !== "");
  const told =
    lines.findLast((line) => /FATAL|ERROR|Exception|error:|not found/.test(line)) ?? lines.at(-1) ?? "it wrote nothing";
  return new StackError(`${name} ended by itself (${code}): ${told.trim()} (log: ${logFile})`);
}
