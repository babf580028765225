import { spawnSync } from "node:child_process";
import { cpus, loadavg, totalmem } from "node:os";

/** The table as the docs have it: a page of theirs takes it as it is. */
export function markdownTable([head = [], ...rows]: readonly (readonly string[])[]): string {
  const cells = [head, ...rows].map((row) => row.map((cell) => cell.replaceAll("|", "\\|").replaceAll("\n", " ")));
  const widths = head.map((_, column) => Math.max(3, ...cells.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) => `| ${widths.map((width, n) => (row[n] ?? "").padEnd(width)).join(" | ")} |`;
  const [first = [], ...others] = cells;
  return [line(first), line(widths.map((width) => "-".repeat(width))), ...others.map(line)].join("\n");
}

/** What has to be seen before anything runs: the machine's load without ours, and the program as it was then. */
export interface Beginning {
  readonly load: number;
  readonly commit: string;
}

export const beginning = (): Beginning => ({ load: load(), commit: commit() });

/** When and on what it was measured, in a line. */
export function measuredOn(begun: Beginning, seed: number): string {
  const [cpu] = cpus();
  return [
    new Date().toISOString().slice(0, 10),
    `commit ${begun.commit}`,
    `seed ${seed}`,
    `${cpus().length} cores`,
    `${Math.round(totalmem() / 2 ** 30)} GiB`,
    cpu?.model.trim() || "unknown processor",
    `load ${begun.load.toFixed(1)} at the start, ${load().toFixed(1)} at the end`,
  ].join(", ");
}

/** Of the last minute. */
const load = (): number => loadavg()[0] ?? 0;

/** What is not committed is told too: the commit alone would not be what was measured. */
function commit(): string {
  const { status, stdout } = spawnSync("git", ["describe", "--always", "--dirty", "--exclude=*"], { encoding: "utf8" });
  return status === 0 ? stdout.trim() : "unknown";
}
