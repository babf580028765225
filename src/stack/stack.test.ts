import { afterAll, describe, expect, test } from "bun:test";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import postgres from "postgres";
import {
  type RunningStack,
  readStackEnv,
  removeStackHome,
  StackError,
  type StackOptions,
  startStack,
  writeStackEnv,
} from "./index.ts";
import { answersMetadata } from "./kafka-probe.ts";

const HOLD = fileURLToPath(new URL("./testing/hold-stack.ts", import.meta.url));
const TIMEOUT_MS = 60_000;
const homes: string[] = [];
afterAll(() => homes.forEach(removeStackHome), TIMEOUT_MS);

function newHome(mode = 0o755): string {
  const folder = mkdtempSync(join(tmpdir(), "stream-stack-"));
  chmodSync(folder, mode);
  const home = join(folder, "home");
  homes.push(home, folder);
  return home;
}

function start(home: string, more: Partial<StackOptions> = {}): Promise<RunningStack> {
  return startStack({ home, postgres: true, kafka: false, log: { info() {}, warn() {} }, ...more });
}

/** Starts and stops; throws where Postgres cannot be used. */
async function startsAndAnswers(home: string, more: Partial<StackOptions> = {}): Promise<void> {
  const stack = await start(home, more);
  try {
    expect(await answer(stack)).toBe(1);
  } finally {
    await stack.stop();
  }
}

async function answer({ databaseUrl = "" }: RunningStack): Promise<number> {
  const sql = postgres(databaseUrl, { max: 1 });
  const [row] = await sql`select 1 as one`;
  await sql.end();
  return row?.one;
}

async function problemOf(started: Promise<RunningStack>): Promise<string> {
  const outcome = await started.then(
    (stack) => stack.stop().then(() => "it started"),
    (error) => error,
  );
  expect(outcome).toBeInstanceOf(StackError);
  return outcome.message;
}

/** Every process that works on this folder, watchers included. */
function processesOn(folder: string): { pid: number; command: string }[] {
  const lines = execFileSync("ps", ["-A", "-ww", "-o", "pid=,stat=,command="], { encoding: "utf8" }).split("\n");
  return lines
    .filter((line) => line.includes(folder) && !/^\s*\d+\s+Z/.test(line))
    .map((line) => ({ pid: Number.parseInt(line, 10), command: line }));
}

async function until(condition: () => boolean, deadlineMs = 30_000): Promise<void> {
  const deadline = Date.now() + deadlineMs;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`not within ${deadlineMs} ms: ${condition}`);
    await sleep(25);
  }
}

/** Another process that holds the stack. */
async function holder(home: string, ...servers: string[]): Promise<ChildProcess> {
  const child = spawn(process.execPath, ["--no-env-file", HOLD, home, ...servers], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout?.on("data", (chunk) => {
    output += chunk;
  });
  await until(() => output.includes("ready"), 40_000);
  return child;
}

describe("a stack that runs", () => {
  test(
    "given an empty STREAM_HOME, when started, then both servers answer, stack.env tells where, and a second start is refused",
    async () => {
      const home = newHome();
      const stack = await start(home, { kafka: true });
      try {
        expect(await answer(stack)).toBe(1);
        const port = Number(stack.kafkaBrokers?.split(":")[1]);
        expect(await answersMetadata(port)).toBe(true);
        expect(readStackEnv(home)).toEqual({
          DATABASE_URL: stack.databaseUrl ?? "",
          KAFKA_BROKERS: `127.0.0.1:${port}`,
        });
        expect(statSync(join(home, "stack.env")).mode & 0o777).toBe(0o600);

        writeStackEnv(home, { ...readStackEnv(home), STREAM_WEB_URL: "http://127.0.0.1:4321/" });
        const problem = await problemOf(start(home));
        expect(problem).toContain(`pid ${process.pid}, since 2`);
        expect(problem).toContain("http://127.0.0.1:4321/");
      } finally {
        await stack.stop();
      }
      expect(readStackEnv(home)).toEqual({});
      await until(() => processesOn(home).length === 0);
    },
    TIMEOUT_MS,
  );

  test(
    "given a server that is killed, when it is gone, then exited says which, and the next start has its data",
    async () => {
      const home = newHome();
      const stack = await start(home);
      const sql = postgres(stack.databaseUrl ?? "", { max: 1 });
      await sql`create table kept as select 42 as answer`;
      await sql.end();
      process.kill(recordOf(home).pid, "SIGKILL");
      expect((await stack.exited).message).toStartWith("Postgres ended by itself (SIGKILL)");
      await stack.stop();

      const again = await start(home);
      const after = postgres(again.databaseUrl ?? "", { max: 1 });
      const rows = await after`select answer from kept`;
      await after.end();
      await again.stop();
      expect(again.databaseUrl).toBe(stack.databaseUrl ?? "");
      expect([...rows]).toEqual([{ answer: 42 }]);
    },
    TIMEOUT_MS,
  );
});

describe("a run that was killed", () => {
  test(
    "given both servers, when their parent is killed with -9, then no process is left and the next start works",
    async () => {
      const home = newHome();
      const parent = await holder(home, "postgres", "kafka");
      expect(processesOn(home).length).toBeGreaterThan(2);
      parent.kill("SIGKILL");
      await until(() => processesOn(home).length === 0);
      await startsAndAnswers(home, { kafka: true });
    },
    TIMEOUT_MS,
  );

  test(
    "given a server that outlived parent and watcher, when started again, then it is recognised and stopped",
    async () => {
      const home = newHome();
      const parent = await holder(home, "postgres");
      const server = recordOf(home).pid;
      for (const { pid, command } of processesOn(home))
        if (command.includes("/bin/sh -c")) process.kill(pid, "SIGKILL");
      parent.kill("SIGKILL");
      await until(() => processesOn(home).every(({ command }) => !command.includes(HOLD)));
      expect(processesOn(home).map(({ pid }) => pid)).toContain(server);

      const warnings: string[] = [];
      await startsAndAnswers(home, { log: { info() {}, warn: (message) => warnings.push(message) } });
      expect(warnings).toEqual([`Postgres: stopping the server (pid ${server}) that an earlier run left behind`]);
      await until(() => processesOn(home).length === 0);
    },
    TIMEOUT_MS,
  );

  test(
    "given half-made folders, half-written notes and the pids of others, when started, then none of it matters",
    async () => {
      const home = newHome();
      mkdirSync(join(home, "postgres.new-1-1", "data"), { recursive: true });
      mkdirSync(join(home, "run"));
      writeFileSync(join(home, "run", "Postgres.json"), '{"pid":');
      writeFileSync(join(home, "run", "lock.7"), `{"pid":${process.pid},"start":"another time"}`);
      await startsAndAnswers(home);
      writeFileSync(join(home, "postgres", "data", "postmaster.pid"), `${process.pid}\n`);
      writeFileSync(join(home, "run", "Postgres.json"), JSON.stringify({ pid: process.pid, start: "x", folder: "" }));
      await startsAndAnswers(home);
      expect(readdirSync(home).sort()).toEqual(["logs", "postgres", "run"]);
      expect(readdirSync(join(home, "run")).sort()).toEqual(["Postgres.json", "lock.9"]);
    },
    TIMEOUT_MS,
  );
});

describe("what cannot work", () => {
  test(
    "given a taken port, when started on it, then one sentence names it and nothing is left running",
    async () => {
      const home = newHome();
      const taken = createServer().listen(0, "127.0.0.1");
      await new Promise((resolve) => taken.once("listening", resolve));
      const address = taken.address();
      const port = typeof address === "object" ? address?.port : undefined;
      expect(await problemOf(start(home, { kafka: true, kafkaPort: port }))).toBe(
        `Port ${port} (STREAM_KAFKA_PORT) is taken: stop what uses it or choose another.`,
      );
      taken.close();
      await until(() => processesOn(home).length === 0);
    },
    TIMEOUT_MS,
  );

  test("given a STREAM_HOME that is a file, when started, then one sentence says so", async () => {
    const home = newHome();
    writeFileSync(home, "");
    expect(await problemOf(start(home))).toBe(`STREAM_HOME ${home} is not a folder.`);
    rmSync(home);
  });

  test(
    "given a start that is cancelled, when it gives up, then its reason is thrown and nothing is left running",
    async () => {
      const home = newHome();
      const reason = new Error("changed my mind");
      const cancelled = start(home, { kafka: true, signal: AbortSignal.abort(reason) });
      expect(await cancelled.catch((error) => error)).toBe(reason);
      await until(() => processesOn(home).length === 0);
    },
    TIMEOUT_MS,
  );
});

test.skipIf(process.getuid?.() !== 0)(
  "given root in a folder that others cannot enter, when started, then the data lies elsewhere, and goes with STREAM_HOME",
  async () => {
    const home = newHome(0o700);
    const told: string[] = [];
    await startsAndAnswers(home, { log: { info: (message) => told.push(message), warn() {} } });
    await startsAndAnswers(home);
    const [, outside = ""] = /database of this STREAM_HOME lies in (.*)/.exec(told.join("\n")) ?? [];
    expect(existsSync(join(outside, "data", "PG_VERSION"))).toBe(true);
    removeStackHome(home);
    expect([existsSync(outside), existsSync(home)]).toEqual([false, false]);
  },
  TIMEOUT_MS,
);

function recordOf(home: string): { pid: number } {
  return JSON.parse(readFileSync(join(home, "run", "Postgres.json"), "utf8"));
}
