import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** What Linux counts processor time in, on every machine. */
const TICKS_PER_SECOND = 100;

/** Seconds of processor time that a running process has used so far. */
export function cpuSeconds(pid: number): number {
  // There `ps` says whole seconds only.
  if (process.platform === "linux") return fromStat(readFileSync(`/proc/${pid}/stat`, "utf8"));
  return fromPs(execFileSync("ps", ["-o", "time=", "-p", String(pid)], { encoding: "utf8" }));
}

/** Fields are counted from behind the command's name, which may hold anything. */
export function fromStat(stat: string): number {
  const [user, system] = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .slice(11);
  return (Number(user) + Number(system)) / TICKS_PER_SECOND;
}

/** `[hours:]minutes:seconds` */
export function fromPs(time: string): number {
  return time.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
}
