/** The program's commands as processes of their own, as a person at a terminal or a supervisor runs them. */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const DEADLINE_MS = 30_000;
const POLL_MS = 20;
/** What a command needs of our own environment; all else comes from the test. */
const INHERITED = ["PATH", "HOME", "TMPDIR", "JAVA_HOME", "DOCKER_HOST"];

/** Undefined: not set. */
export type Env = Readonly<Record<string, string | undefined>>;

/** How a command ended and what it printed. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly ms: number;
}

/** A command that runs. */
export interface Running {
  readonly pid: number;
  readonly ended: Promise<Ended>;
  /** Waits until standard output shows it; fails when the command ends first, or too late. */
  said(pattern: RegExp, withinMs?: number): Promise<RegExpExecArray>;
  hasEnded(): boolean;
  /** What it printed so far. */
  printed(): { readonly stdout: string; readonly stderr: string };
  /** Leaves its standard output, as `head` does when it has enough. */
  stopReading(): void;
  /** SIGTERM, as a supervisor stops it; fails when it does not end in time. */
  stop(withinMs?: number): Promise<Ended>;
  /** `kill -9`: nothing can be tidied up. */
  kill(): Promise<Ended>;
}

const running = new Set<Running>();

/** Starts a command. It dies with this process, however that goes. */
export function startCommand(args: readonly string[], env: Env, stdin = ""): Running {
  const bun = ["--no-env-file", "--preload", "./bootstrap/watch-parent.mjs", "src/cli/main.ts"];
  const child = spawn(process.execPath, [...bun, ...args], { cwd: root, env: complete(env), stdio: "pipe" });
  child.stdin.on("error", () => {}); // It may end without reading.
  child.stdin.end(stdin);
  const printed = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text) => (printed.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text) => (printed.stderr += text));
  const ended = endOf(child, printed);
  const command: Running = {
    pid: child.pid ?? 0,
    ended,
    said: (pattern, withinMs = DEADLINE_MS) => said(args, pattern, { child, printed, withinMs }),
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
    printed: () => ({ ...printed }),
    stopReading: () => void child.stdout.destroy(),
    async stop(withinMs = DEADLINE_MS) {
      child.kill("SIGTERM");
      return inTime(args, command, withinMs);
    },
    async kill() {
      child.kill("SIGKILL");
      return ended;
    },
  };
  running.add(command);
  void ended.then(() => running.delete(command));
  return command;
}

/** Runs a command to its end. */
export async function runCommand(
  args: readonly string[],
  env: Env,
  { stdin = "", withinMs = DEADLINE_MS }: { stdin?: string; withinMs?: number } = {},
): Promise<Ended> {
  const command = startCommand(args, env, stdin);
  return inTime(args, command, withinMs);
}

/** Ends what a failed test left behind; for `afterAll`. */
export async function killLeftCommands(): Promise<void> {
  await Promise.all([...running].map((command) => command.kill()));
}

function complete(env: Env): NodeJS.ProcessEnv {
  const inherited = INHERITED.map((name) => [name, process.env[name]] as const);
  const all = [...inherited, ...Object.entries(env)].filter(([, value]) => value !== undefined);
  return Object.fromEntries(all);
}

interface Printed {
  stdout: string;
  stderr: string;
}

function endOf(child: ChildProcess, printed: Printed): Promise<Ended> {
  const startedAt = performance.now();
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code, signal, ...printed, ms: performance.now() - startedAt }));
  });
}

async function inTime(args: readonly string[], command: Running, withinMs: number): Promise<Ended> {
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    void command.kill();
  }, withinMs);
  const ended = await command.ended.finally(() => clearTimeout(timer));
  if (late) throw new Error(`"${args.join(" ")}" did not end within ${withinMs} ms\n${whatItSaid(ended)}`);
  return ended;
}

async function said(
  args: readonly string[],
  pattern: RegExp,
  { child, printed, withinMs }: { child: ChildProcess; printed: Printed; withinMs: number },
): Promise<RegExpExecArray> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const found = pattern.exec(printed.stdout);
    if (found) return found;
    const over = child.exitCode !== null || child.signalCode !== null;
    if (over || performance.now() > deadline) {
      const why = over ? "ended" : `took more than ${withinMs} ms`;
      throw new Error(`"${args.join(" ")}" ${why} before it said ${pattern}\n${whatItSaid(printed)}`);
    }
    await Bun.sleep(POLL_MS);
  }
}

function whatItSaid({ stdout, stderr }: Printed): string {
  return `stdout:\n${stdout.slice(-3_000)}\nstderr:\n${stderr.slice(-3_000)}`;
}
