import { spawn } from "node:child_process";
import { accessSync, constants, mkdirSync } from "node:fs";
import { WATCHDOG } from "./watchdog.mjs";

const KEPT = 200_000;
const SHOWN_LINES = 12;

/** A failure that is told in one sentence. */
export function told(message) {
  return Object.assign(new Error(message), { told: true });
}

/** Runs one step of the set-up: a line with its seconds when it is done, its output only when it fails. */
export async function step(title, command, args, { cwd, env, problem }) {
  const started = performance.now();
  const { code, output } = await run(command, args, { cwd, env });
  if (code === 0) {
    console.error(`  ${title}: ${((performance.now() - started) / 1000).toFixed(1)} s`);
    return;
  }
  console.error(`  ${title}: failed (${code})\n${excerpt(output)}`);
  throw told(problem(output));
}

/** The beginning, which mostly says why, and the end; npm's warnings about other packages' Node versions say nothing. */
function excerpt(output) {
  const lines = output.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("npm warn"));
  const shown =
    lines.length > 2 * SHOWN_LINES ? [...lines.slice(0, SHOWN_LINES), "...", ...lines.slice(-SHOWN_LINES)] : lines;
  return shown.map((line) => `    ${line}`).join("\n");
}

/** The exit code (127: no such program) and the output of a command, which ends with us even if we are killed. */
export function run(command, args, { cwd, env } = {}) {
  return new Promise((resolve) => {
    const child = spawn("/bin/sh", ["-c", WATCHDOG, "sh", "KILL", command, ...args], {
      cwd,
      env: { ...process.env, ...env },
    });
    child.stdin.on("error", () => {});
    let output = "";
    const keep = (chunk) => {
      output = (output + chunk).slice(-KEPT);
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    child.once("exit", () => child.stdin.end("ended\n"));
    child.once("error", (error) => resolve({ code: 127, output: error.message }));
    child.once("close", (code, signal) => resolve({ code: code ?? signal, output }));
  });
}

/** Whether the output of a package manager speaks of a network that is not there. */
export function noNetwork(output) {
  return /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|Unknown host|UnknownHostException|Connection refused|timed out|Network is unreachable|Could not transfer artifact/.test(
    output,
  );
}

/** Whether a cache folder, named by a function since even that may fail, can be used: some users have no home. */
export function usable(name) {
  try {
    const folder = name();
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
