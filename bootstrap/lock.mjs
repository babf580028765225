// One lock for set-up (plain Node) and for the local stack (Bun): it must survive kill -9 and a power cut of its holder.
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { linkSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { basename, dirname } from "node:path";

/**
 * What tells a process from a later one with the same pid: when it started, in the words of this system.
 * `undefined` when no such process runs (a zombie counts as gone).
 */
export function processStart(pid) {
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (error.code !== "EPERM") return undefined;
  }
  return process.platform === "linux" ? linuxStart(pid) : psStart(pid);
}

function linuxStart(pid) {
  try {
    // The name in parentheses may itself hold spaces and parentheses; the fields after it do not.
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1).split(" ");
    if (fields[0] === "Z" || fields[0] === "X") return undefined;
    // Ticks count from boot, so a second boot could repeat them.
    return `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").slice(0, 8)}-${fields[19]}`;
  } catch {
    return undefined;
  }
}

function psStart(pid) {
  try {
    const options = { encoding: "utf8", env: { ...process.env, LC_ALL: "C", TZ: "UTC" } };
    const [state, ...start] = execFileSync("ps", ["-o", "stat=,lstart=", "-p", String(pid)], options)
      .trim()
      .split(/\s+/);
    return state.startsWith("Z") ? undefined : start.join(" ");
  } catch {
    return undefined;
  }
}

/**
 * Takes the lock at `path`, or says who holds it. The holder of `path.N` with the highest N has it; a dead holder is
 * succeeded by N + 1, and a released lock stays behind empty, so the number never falls and nobody has to remove a
 * stale file that might meanwhile be somebody's fresh one.
 */
export function takeLock(path) {
  for (;;) {
    const top = generations(path)[0] ?? 0;
    const holder = top > 0 ? readHolder(`${path}.${top}`) : undefined;
    if (holder && processStart(holder.pid) === holder.start) return { holder };
    const mine = `${path}.${top + 1}`;
    if (!createWhole(mine)) continue;
    const [highest, ...older] = generations(path);
    if (highest !== top + 1) {
      rmSync(mine, { force: true });
      continue;
    }
    for (const generation of older) rmSync(`${path}.${generation}`, { force: true });
    return { release: () => truncateSync(mine) };
  }
}

function generations(path) {
  const prefix = `${basename(path)}.`;
  return readdirSync(dirname(path))
    .filter((name) => name.startsWith(prefix) && /^\d+$/.test(name.slice(prefix.length)))
    .map((name) => Number(name.slice(prefix.length)))
    .sort((a, b) => b - a);
}

function readHolder(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined; // Released, half-written by a power cut, or just succeeded.
  }
}

/** A link makes the file appear with its content, or not at all where another was faster. */
function createWhole(file) {
  const temporary = `${file}.${process.pid}-${randomBytes(4).toString("hex")}`;
  const self = { pid: process.pid, start: processStart(process.pid), since: new Date().toISOString() };
  writeFileSync(temporary, JSON.stringify(self));
  try {
    linkSync(temporary, file);
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
    return false;
  } finally {
    rmSync(temporary, { force: true });
  }
}
