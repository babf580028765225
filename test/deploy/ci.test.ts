import { describe, expect, test } from "bun:test";
import { read, readYaml } from "./files.ts";

const FILE = ".github/workflows/ci.yml";
const jobs = Object.entries(
  readYaml<{ jobs: Record<string, { "timeout-minutes"?: number; permissions?: unknown; steps: { run?: string }[] }> }>(
    FILE,
  ).jobs,
);

describe("continuous integration", () => {
  test("runs scripts that exist", () => {
    const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
    const runs = jobs.flatMap(([, { steps }]) => steps.map(({ run = "" }) => run));
    const named = runs.flatMap((run) => [...run.matchAll(/npm (?:run )?([\w:]+)/g)].map(([, name]) => name ?? ""));
    expect(named).toContain("test");
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });

  test("pins every action by commit, and says which version that is", () => {
    const uses = read(FILE).match(/uses: .*/g) ?? [];
    expect(uses.length).toBeGreaterThan(0);
    expect(uses.filter((use) => !/^uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(use))).toEqual([]);
  });

  test.each(jobs)("%s ends, and may only read", (_, job) => {
    expect(job["timeout-minutes"]).toBeLessThanOrEqual(60);
    expect(job.permissions).toBeUndefined();
    expect(readYaml<{ permissions: unknown }>(FILE).permissions).toEqual({ contents: "read" });
  });
});
