import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCommand } from "../support/commands.ts";
import { createHookStandIns, type HookStandIns, type Mode, PASSWORD } from "./hook-stand-ins.ts";
import { type Ended, run } from "./programs.ts";
import { INFRASTRUCTURE } from "./setting.ts";

/** infrastructure/reset-hook.sh as Terraform runs it, with stand-ins for npm and the AWS command. */
describe("the reset hook", () => {
  let project: string;
  let standIns: HookStandIns;

  beforeEach(() => {
    project = mkdtempSync(join(tmpdir(), "stream-hook-"));
    mkdirSync(join(project, "infrastructure"));
    cpSync(join(INFRASTRUCTURE, "reset-hook.sh"), join(project, "infrastructure", "reset-hook.sh"));
    standIns = createHookStandIns(project);
  });
  afterEach(() => rmSync(project, { recursive: true }));

  function hook(mode: Mode, more: Record<string, string> = {}): Promise<Ended> {
    standIns.behave(mode);
    return run(["bash", "../infrastructure/reset-hook.sh"], {
      cwd: join(project, "infrastructure"),
      signal: AbortSignal.timeout(30_000),
      env: {
        PATH: `${standIns.bin}:${process.env.PATH}`,
        KAFKA_BROKERS: "b-1.example:9198",
        KAFKA_AUTH_METHOD: "aws-iam",
        AWS_REGION: "us-west-2",
        RESET_STACK: "msk",
        ...more,
      },
    });
  }

  test("waits for the cluster, then resets if it is another one", async () => {
    const { code } = await hook("ok");

    expect(code).toBe(0);
    expect(standIns.calls()).toEqual([
      "run --silent kafka:wait -- --timeout 600 b-1.example:9198 aws-iam",
      "run --silent kafka:reset -- --if-cluster-changed --yes b-1.example:9198 aws-iam",
    ]);
  });

  test("reads the password itself and hands it on", async () => {
    const { code, output } = await hook("ok", { KAFKA_SASL_PASSWORD_SSM: "/a/parameter" });

    expect(code).toBe(0);
    expect(standIns.calls().every((call) => call.endsWith(PASSWORD))).toBe(true);
    expect(output).not.toContain(PASSWORD);
  });

  test("without the password nothing is tried", async () => {
    const { code, output } = await hook("no password", { KAFKA_SASL_PASSWORD_SSM: "/a/parameter" });

    expect(code).toBe(254);
    expect(standIns.calls()).toEqual([]);
    expect(output).toContain("ParameterNotFound");
  });

  test("a failure is passed on, with what to run by hand", async () => {
    const { code, output } = await hook("reset fails");

    expect(code).toBe(1);
    expect(output).toContain("kafka:reset: refused");
    expect(output).toContain("terraform -chdir=infrastructure/msk output -raw dotenv");
    expect(output).toContain("npm run kafka:wait -- --timeout 600");
    expect(output).toContain("npm run kafka:reset -- --if-cluster-changed --yes");
  });

  test("on a machine without the ledger it says so and succeeds", async () => {
    const { code, output } = await hook("no database");

    expect(code).toBe(0);
    expect(output).toContain("NOTHING WAS RESET");
    expect(output).not.toContain("did not finish");
  });

  test("the command says what the hook listens for", async () => {
    const nowhere = { STREAM_HOME: join(project, "no-stack"), KAFKA_BROKERS: "127.0.0.1:1" };
    const { code, stderr } = await runCommand(["kafka:reset", "--if-cluster-changed", "--yes"], nowhere);

    expect(code).toBe(1);
    expect(stderr).toStartWith("no database:");
  });

  test("ends at its deadline, with everything it started", async () => {
    const started = performance.now();
    const { code, output } = await hook("wait hangs", { RESET_DEADLINE: "1" });

    // `run` also waits for whoever still holds the output: a child left behind would keep it open.
    expect(code).not.toBe(0);
    expect(performance.now() - started).toBeLessThan(20_000);
    expect(output).toContain("no end after 1 s");
    expect(output).toContain("npm run kafka:reset");
  }, 30_000);
});
