import { spawn } from "node:child_process";

const KEPT = 20_000;
const SHOWN_LINES = 25;

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
  console.error(
    `  ${title}: failed\n${output
      .trim()
      .split("\n")
      .slice(-SHOWN_LINES)
      .map((line) => `    ${line}`)
      .join("\n")}`,
  );
  throw told(problem(output));
}

/** The exit code (127: no such program) and all output of a command. */
export function run(command, args, { cwd, env } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    const keep = (chunk) => {
      output = (output + chunk).slice(-KEPT);
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    child.once("error", (error) => resolve({ code: 127, output: error.message }));
    child.once("close", (code) => resolve({ code: code ?? 1, output }));
  });
}

/** Whether the output of a package manager speaks of a network that is not there. */
export function noNetwork(output) {
  return /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|Unknown host|UnknownHostException|Connection refused|timed out|Network is unreachable/.test(
    output,
  );
}
