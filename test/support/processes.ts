import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/**
 * Command lines of running processes that name this path, on Linux also in their environment: TMPDIR is handed down to
 * every process that a command starts, so a path given there finds them all.
 */
export function processesNaming(path: string): string[] {
  if (process.platform !== "linux") {
    const all = execFileSync("ps", ["-axww", "-o", "command="], { encoding: "utf8" }).split("\n");
    return all.filter((line) => line.includes(path));
  }
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      const command = read(`/proc/${pid}/cmdline`);
      return command !== "" && `${command}${read(`/proc/${pid}/environ`)}`.includes(path) ? [command] : [];
    });
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8").replaceAll("\0", " ");
  } catch {
    return ""; // Gone meanwhile, or another user's.
  }
}
