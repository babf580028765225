/** Errors that reach no command: how a process ends by them, and what it says. */
import { afterAll, expect, test } from "bun:test";
import { killLeftCommands, runCommand, startCommand } from "../support/commands.ts";

afterAll(killLeftCommands);

/** Waits for a Kafka that is not there, until the error comes. */
const WAITING = ["kafka:wait", "--timeout", "10"];
const envOf = (kind: string) => ({
  KAFKA_BROKERS: "127.0.0.1:1",
  BUN_OPTIONS: "--preload=./test/support/stray-error.ts",
  STRAY_ERROR: kind,
});

const LINE =
  /^stopped by an unexpected error: cannot reach postgres:\/\/\S*db\.example\/life at once - a mistake of this program, not of yours\. Nothing that is in the ledger is lost: started again, it goes on from there\n$/;

for (const kind of ["rejection", "timer", "socket", "while ending"]) {
  test(`given a stray error (${kind}), when it comes, then the process ends with one line, without stack or password`, async () => {
    const { code, stderr } = await runCommand(WAITING, envOf(kind));
    expect(stderr).toMatch(LINE);
    expect(code).toBe(1);
  });
}

test("given a stray error, when LOG_LEVEL is debug, then its stack follows, without the password", async () => {
  const { code, stderr } = await runCommand(WAITING, { ...envOf("rejection"), LOG_LEVEL: "debug" });
  expect(stderr).toContain("stray-error.ts:");
  expect(stderr).not.toContain("hunter2-canary");
  expect(code).toBe(1);
});

test("given a reader of standard output that leaves, as head does, then the process ends and complains of nothing", async () => {
  const command = startCommand(WAITING, envOf("nobody reads"));
  await command.said(/and so on/);
  command.stopReading();
  expect(await command.ended).toMatchObject({ code: 0, stderr: "" });
});
