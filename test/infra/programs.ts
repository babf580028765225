/** Other programs: whether they are here, and running them to their end. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";

export interface Ended {
  readonly code: number | null;
  /** Standard output and standard error, as they came. */
  readonly output: string;
  readonly stdout: string;
}

export interface RunOptions {
  readonly cwd: string;
  readonly signal: AbortSignal;
  /** Beside our own, cleaned environment; undefined takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly input?: string;
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 10 * 60_000;
/** What a person has set for real use must reach no test: least of all a real AWS account. */
const FOR_REAL_USE = /^(DATABASE_URL|(AWS|KAFKA|STREAM|OPENAI|FETCH|OTEL|LINK|RESET|TF_VAR|TEST)_.*)$/;
/** And where a stand-in is missed, nothing that is signed for a real account. */
const NO_AWS = {
  AWS_CONFIG_FILE: "/dev/null",
  AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
  AWS_EC2_METADATA_DISABLED: "true",
};
const OUTPUT_SHOWN = 3_000;

/** Where the program is, or null. */
export function find(program: string): string | null {
  return Bun.which(program);
}

/** Our environment without what is meant for real use. */
export function cleanEnvironment(): Record<string, string> {
  const kept = Object.entries(process.env).filter(([name]) => !FOR_REAL_USE.test(name));
  const env = Object.fromEntries(kept) as Record<string, string>;
  // Terraform warns on each call about a configuration that is named and missing.
  if (env.TF_CLI_CONFIG_FILE && !existsSync(env.TF_CLI_CONFIG_FILE)) delete env.TF_CLI_CONFIG_FILE;
  return { ...env, ...NO_AWS };
}

/** Runs a program to its end, whatever its exit code. */
export function run(command: readonly string[], options: RunOptions): Promise<Ended> {
  const [program = "", ...args] = command;
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(options.timeoutMs ?? TIMEOUT_MS)]);
  const env = { ...cleanEnvironment(), ...options.env };
  const child = spawn(program, args, { cwd: options.cwd, env: env as NodeJS.ProcessEnv, signal });
  child.stdin.on("error", () => {}); // It may end without reading.
  child.stdin.end(options.input ?? "");
  let output = "";
  let stdout = "";
  child.stdout.setEncoding("utf8").on("data", (text) => {
    output += text;
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text) => {
    output += text;
  });
  return new Promise((resolve, reject) => {
    child.once("error", (error) =>
      reject(new Error(`${command.join(" ")}: ${error.message}\n${output.slice(-OUTPUT_SHOWN)}`)),
    );
    child.once("close", (code) => resolve({ code, output, stdout }));
  });
}

/** Runs a program that must succeed. */
export async function succeed(command: readonly string[], options: RunOptions): Promise<Ended> {
  const ended = await run(command, options);
  if (ended.code !== 0) throw new Error(describe(command, ended));
  return ended;
}

/** Runs a program that must fail and say this. */
export async function fail(command: readonly string[], options: RunOptions, says: RegExp): Promise<Ended> {
  const ended = await run(command, options);
  if (ended.code === 0) throw new Error(`should have failed: ${describe(command, ended)}`);
  if (!says.test(unwrapped(ended.output))) throw new Error(`did not say ${says}: ${describe(command, ended)}`);
  return ended;
}

/** Terraform draws bars beside its errors and breaks lines to fit a screen. */
function unwrapped(output: string): string {
  return output.replaceAll(/[│╷╵]/g, "").replaceAll(/\s+/g, " ");
}

function describe(command: readonly string[], { code, output }: Ended): string {
  return `${command.join(" ")}: exit ${code}\n${output.slice(-OUTPUT_SHOWN)}`;
}
