import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, existsSync, fstatSync, openSync, readFileSync, renameSync, statSync } from "node:fs";
import { WATCHDOG } from "../../bootstrap/watchdog.mjs";

/** The user a server runs as, where it must be another than ours. */
export interface Owner {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

export interface GuardedCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly logFile: string;
  /** How the process is asked to end. */
  readonly stopSignal: NodeJS.Signals;
  readonly owner?: Owner | undefined;
  readonly env?: Readonly<Record<string, string>>;
}

export interface GuardedChild {
  readonly pid: number;
  /** The exit code, or the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals>;
  /** What it wrote to its log so far, without what earlier runs wrote. */
  said(): string;
  /** Asks, waits, kills. */
  stop(deadlineMs: number): Promise<void>;
}

const LOG_LIMIT = 5_000_000;

/**
 * Starts a process that never outlives ours, in a session of its own, so that Ctrl-C on the terminal reaches us alone
 * and the servers go last.
 */
export function spawnGuarded({ command, args, logFile, stopSignal, owner, env }: GuardedCommand): GuardedChild {
  const log = openLog(logFile);
  const before = fstatSync(log).size;
  const child = spawn("/bin/sh", ["-c", WATCHDOG, "sh", stopSignal.slice(3), command, ...args], {
    cwd: "/",
    detached: true,
    env: { ...serverEnvironment(), ...env },
    stdio: ["pipe", log, log],
    ...(owner && { uid: owner.uid, gid: owner.gid }),
  });
  closeSync(log);
  const exited = exitOf(child);
  return {
    pid: child.pid ?? 0,
    exited,
    said: () => (existsSync(logFile) ? readFileSync(logFile).subarray(before).toString() : ""),
    async stop(deadlineMs) {
      child.kill(stopSignal);
      const timer = setTimeout(() => child.kill("SIGKILL"), deadlineMs);
      await exited;
      clearTimeout(timer);
    },
  };
}

function exitOf(child: ChildProcess): Promise<number | NodeJS.Signals> {
  child.stdin?.on("error", () => {}); // The watcher may be gone already: nobody is left to be told.
  return new Promise((resolve) => {
    child.once("error", () => resolve(127));
    child.once("exit", (code, signal) => {
      child.stdin?.end("ended\n");
      resolve(code ?? signal ?? 1);
    });
  });
}

/** Only what a server needs: keys and passwords of ours are none of its business, and its language is ours to read. */
function serverEnvironment(): NodeJS.ProcessEnv {
  const { PATH, HOME, TMPDIR, JAVA_HOME, DOCKER_HOST } = process.env;
  const wanted = { PATH: PATH ?? "/usr/local/bin:/usr/bin:/bin", HOME, TMPDIR, JAVA_HOME, DOCKER_HOST, LC_ALL: "C" };
  return Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined));
}

function openLog(file: string): number {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size > LOG_LIMIT) renameSync(file, `${file}.1`);
  return openSync(file, "a", 0o600);
}
