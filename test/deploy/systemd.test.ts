import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../../src/config.ts";
import { commandNames, read, root, serviceCommands, variables } from "./files.ts";

const FOLDER = "deploy/systemd";
const units = readdirSync(join(root, FOLDER));
const services = units.filter((unit) => unit.endsWith(".service"));
const hasSystemd = spawnSync("systemd-analyze", ["--version"]).status === 0;

/** The values of a key, in order. */
function valuesOf(unit: string, key: string): string[] {
  return [...read(`${FOLDER}/${unit}`).matchAll(new RegExp(`^${key}=(.*)$`, "gm"))].map(([, value]) => value ?? "");
}

describe("the systemd units", () => {
  test("the target wants every stage and the page", () => {
    const wanted = valuesOf("stream-agents.target", "Wants").map(
      (unit) => /^stream-agents@(.+)\.service$/.exec(unit)?.[1],
    );
    expect(wanted.sort()).toEqual([...serviceCommands].sort());
  });

  test.each(services)("%s runs commands that exist", (unit) => {
    const lines = valuesOf(unit, "ExecStart");
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) {
      const [, command] =
        /^\/opt\/stream-agents\/node_modules\/\.bin\/bun --no-env-file src\/cli\/main\.ts (\S+)/.exec(line) ?? [];
      expect(unit.includes("@") ? ["%i"] : commandNames).toContain(command ?? line);
    }
  });

  test.each(services)("%s sets only variables that are read", (unit) => {
    const names = valuesOf(unit, "Environment").map((setting) => setting.split("=")[0] ?? "");
    expect(names.filter((name) => !variables.has(name))).toEqual([]);
  });

  test.each(services.filter((unit) => !unit.includes("init")))("%s has time to drain", (unit) => {
    const [stop = ""] = valuesOf(unit, "TimeoutStopSec");
    const seconds = Number.parseInt(stop, 10) * (stop.endsWith("min") ? 60 : 1);
    expect(seconds * 1000).toBeGreaterThan(2 * loadConfig({}, "/").drainTimeoutMs);
  });

  test.each(services)("%s may do little", (unit) => {
    expect(valuesOf(unit, "ProtectSystem")).toEqual(["strict"]);
    expect(valuesOf(unit, "NoNewPrivileges")).toEqual(["yes"]);
    expect(valuesOf(unit, "CapabilityBoundingSet")).toEqual([""]);
    expect(valuesOf(unit, "User")).toEqual(["stream-agents"]);
  });

  test.skipIf(!hasSystemd)("systemd itself finds nothing wrong, and little exposed", () => {
    const machine = mkdtempSync(join(tmpdir(), "stream-units-"));
    try {
      const folder = join(machine, "etc/systemd/system");
      const program = join(machine, "opt/stream-agents/node_modules/.bin/bun");
      mkdirSync(folder, { recursive: true });
      mkdirSync(join(program, ".."), { recursive: true });
      writeFileSync(program, "");
      chmodSync(program, 0o755);
      cpSync(join(root, FOLDER), folder, { recursive: true });
      for (const unit of [
        "sysinit.target",
        "basic.target",
        "shutdown.target",
        "network-online.target",
        "system.slice",
      ]) {
        writeFileSync(join(folder, unit), "[Unit]\nDefaultDependencies=no\n");
      }
      for (const unit of units) expect(analyze(["verify", unit], machine)).toBe("");
      // 10 is all doors open, above 5 systemd calls it medium.
      for (const unit of services)
        expect(analyze(["security", "--offline=true", "--threshold=20", unit], machine)).toBe("");
    } finally {
      rmSync(machine, { recursive: true });
    }
  });
});

/** What systemd complains of: its errors, and for a failed verdict all it says. */
function analyze(args: readonly string[], machine: string): string {
  const { status, stdout, stderr } = spawnSync("systemd-analyze", [`--root=${machine}`, ...args], { encoding: "utf8" });
  return status === 0 ? stderr : `${stderr}${stdout}`;
}
