import { execFileSync } from "node:child_process";

/** A Node new enough for the Kafka client: TEST_NODE, or the one of PATH. Null: there is none. */
export function newerNode(): string | null {
  return [process.env.TEST_NODE, "node"].find((command) => command && isNewEnough(command)) ?? null;
}

function isNewEnough(command: string): boolean {
  try {
    const version = execFileSync(command, ["--version"], { encoding: "utf8" });
    const [, major, minor] = /^v(\d+)\.(\d+)/.exec(version) ?? [];
    return Number(major) > 22 || (Number(major) === 22 && Number(minor) >= 18);
  } catch {
    return false;
  }
}
