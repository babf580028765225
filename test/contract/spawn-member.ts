import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { ProcessMember } from "./log-under-test.ts";

const script = fileURLToPath(new URL("./member.ts", import.meta.url));
const left = new Set<ChildProcess>();

/** Starts `member.ts` and resolves when it reads. It dies with this process at the latest. */
export async function spawnMember(what: {
  readonly kind: "kafka" | "embedded";
  readonly address: string;
  readonly prefix?: string;
  readonly group: string;
  readonly topic: string;
}): Promise<ProcessMember> {
  const child = spawn(
    process.execPath,
    ["--no-env-file", "--preload", "./bootstrap/watch-parent.mjs", script, JSON.stringify(what)],
    { cwd: fileURLToPath(new URL("../..", import.meta.url)), stdio: ["ignore", "pipe", "inherit"] },
  );
  left.add(child);
  const ended = once(child, "exit").then(() => left.delete(child));
  const said = await Promise.race([once(child.stdout, "data"), ended]);
  if (!Array.isArray(said)) throw new Error("the member ended before it read anything");
  return {
    async kill() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** Ends what a failed test left behind. */
export function killSpawnedMembers(): void {
  for (const child of left) child.kill("SIGKILL");
}
