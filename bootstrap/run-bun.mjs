import { spawn } from "node:child_process";
import { constants } from "node:os";
import { join } from "node:path";
import { isatty } from "node:tty";
import { fileURLToPath } from "node:url";

const WATCH_PARENT = fileURLToPath(new URL("./watch-parent.mjs", import.meta.url));
const PARENT_POLL_MS = 250;
/** One Ctrl-C may reach us twice: from the terminal and through npm. */
const SAME_SIGNAL_MS = 1000;

/**
 * Runs Bun on our terminal and resolves with its exit code. Each signal reaches it once: on a terminal Ctrl-C goes to
 * the whole process group, so it is not passed on; without one Bun gets a group of its own and only what we pass on.
 */
export function runBun(root, args) {
  const onTerminal = isatty(0) || isatty(1) || isatty(2);
  const bun = join(root, "node_modules", ".bin", "bun");
  let child;
  const lastAt = new Map();
  // Before the start: a signal may come as soon as Bun runs.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => {
      const repeated = Date.now() - (lastAt.get(signal) ?? 0) < SAME_SIGNAL_MS;
      lastAt.set(signal, Date.now());
      if (!repeated && !(onTerminal && signal === "SIGINT")) child.kill(signal);
    });
  }
  child = spawn(bun, ["--preload", WATCH_PARENT, ...args], { cwd: root, stdio: "inherit", detached: !onTerminal });
  const watch = watchNpm(() => lastAt.size === 0 && child.kill("SIGKILL"));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      clearInterval(watch);
      resolve(code ?? 128 + constants.signals[signal]);
    });
  });
}

/** npm killed with -9 cannot tell us; without it nobody waits for the command any more. */
function watchNpm(gone) {
  const parent = process.ppid;
  if (!process.env.npm_lifecycle_event) return undefined;
  return setInterval(() => process.ppid !== parent && gone(), PARENT_POLL_MS);
}
