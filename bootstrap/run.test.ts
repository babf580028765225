/** The bootstrap in a copy of its own, with a pretended npm and Bun: what it runs, when, and what it says. */
import { afterEach, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { complete } from "./complete-lock.mjs";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const TIMEOUT_MS = 30_000;
const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const NPM = `
  const { appendFileSync, mkdirSync, rmSync, writeFileSync } = require("node:fs");
  appendFileSync("npm-runs", process.argv.slice(2, 4).join(" ") + "\\n");
  if (process.env.NPM_SAYS) { console.error(process.env.NPM_SAYS); process.exit(1); }
  rmSync("node_modules", { recursive: true, force: true });
  for (const folder of ["node_modules/bun", "node_modules/.bin"]) mkdirSync(folder, { recursive: true });
  writeFileSync("node_modules/bun/install.js", "");
  writeFileSync("node_modules/.bin/bun", '#!/bin/sh\\nshift 2; echo "bun: $*"; exec sh -c "$BUN_DOES"', { mode: 0o755 });
`;

function project(): string {
  const root = mkdtempSync(join(tmpdir(), "stream-bootstrap-"));
  folders.push(root);
  cpSync(HERE, join(root, "bootstrap"), { recursive: true });
  for (const file of ["package-lock.json", "src/stack/kafka/pom.xml"]) write(join(root, file), "{}");
  write(join(root, "npm", "npm-cli.js"), NPM);
  // The whole PATH: nothing of this machine's Java, Maven and Docker, only what a test puts there.
  mkdirSync(join(root, "bin"));
  for (const name of ["sh", "sleep"]) symlinkSync(Bun.which(name) ?? name, join(root, "bin", name));
  return root;
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  if (file.includes("/bin/")) chmodSync(file, 0o755);
}

function run(root: string, args: readonly string[], more: Record<string, string> = {}) {
  const env = {
    PATH: join(root, "bin"),
    npm_execpath: join(root, "npm", "npm-cli.js"),
    BUN_DOES: "exit 7",
    ...more,
  };
  const node = Bun.which("node") ?? "node";
  const child = spawn(node, [join(root, "bootstrap", "run.mjs"), ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (chunk) => {
    stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  const done = new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) =>
    child.once("close", (code) => resolve({ code, stdout, stderr })),
  );
  return Object.assign(done, { child, output: () => stdout });
}

const npmRuns = (root: string) => readFileSync(join(root, "npm-runs"), "utf8").trim().split("\n");

test(
  "given a fresh clone, when a command runs twice, then set-up happens once and Bun's exit code comes back",
  async () => {
    const root = project();
    const first = await run(root, ["status", "--json"]);
    expect(first).toMatchObject({ code: 7, stdout: "bun: src/cli/main.ts status --json\n" });
    expect(first.stderr).toMatch(/npm packages: \d+\.\d s\n {2}Bun: \d+\.\d s\nSet up in \d+\.\d s\n$/);
    const second = await run(root, ["test", "a filter"], { TEST_KAFKA_BROKERS: "k:9092" });
    expect(second).toEqual({ code: 7, stdout: "bun: --no-env-file test/run.ts a filter\n", stderr: "" });
    expect(npmRuns(root)).toEqual(["ci --ignore-scripts"]);
  },
  TIMEOUT_MS,
);

test(
  "given a changed lockfile, when a command runs, then the packages are installed again",
  async () => {
    const root = project();
    await run(root, ["status"]);
    write(join(root, "package-lock.json"), '{"changed":true}');
    await run(root, ["status"]);
    expect(npmRuns(root)).toHaveLength(2);
  },
  TIMEOUT_MS,
);

test(
  "given four terminals on a fresh clone, when all start at once, then one sets up and the others wait",
  async () => {
    const root = project();
    const results = await Promise.all([1, 2, 3, 4].map(() => run(root, ["status"])));
    expect(results.map(({ code }) => code)).toEqual([7, 7, 7, 7]);
    expect(npmRuns(root)).toHaveLength(1);
  },
  TIMEOUT_MS,
);

test.each([
  ["without network", "npm error code ENOTFOUND", "the registry was not reached"],
  ["otherwise", "npm error code EUSAGE", "npm ci failed as shown above"],
])(
  "given an npm that fails %s, when a command runs, then it ends with one sentence, and is tried again next time",
  async (_, says, sentence) => {
    const root = project();
    const { code, stderr } = await run(root, ["status"], { NPM_SAYS: says });
    expect(code).toBe(1);
    expect(stderr).toContain(`    ${says}\n`);
    expect(stderr.trim().split("\n").at(-1)).toContain(sentence);
    expect(stderr).not.toContain("    at ");
    expect((await run(root, ["status"])).code).toBe(7);
  },
  TIMEOUT_MS,
);

test(
  "given neither Java nor Docker, when a command would start a Kafka, then it goes on without and says so once",
  async () => {
    const root = project();
    const first = await run(root, ["start"]);
    expect(first.code).toBe(7);
    expect(first.stderr).toContain(
      "The log will be in Postgres: a Kafka needs Java 17 or newer and Maven (missing: Java, Maven) or a running Docker\n",
    );
    expect(await run(root, ["start"])).toMatchObject({ code: 7, stderr: "" });
  },
  TIMEOUT_MS,
);

test(
  "given neither Java nor Docker, when it has to be a Kafka of our own, then start says what to install",
  async () => {
    const root = project();
    const kafka = { STREAM_TRANSPORT: "kafka" };
    const { code, stderr } = await run(root, ["start"], kafka);
    expect([code, stderr.trim().split("\n").at(-1)]).toEqual([
      1,
      "A local Kafka needs Java 17 or newer and Maven (missing: Java, Maven) or a running Docker: install them, or set KAFKA_BROKERS to a cluster of yours.",
    ]);
    expect((await run(root, ["start"], { ...kafka, KAFKA_BROKERS: "k:9092" })).code).toBe(7);
    write(join(root, ".env"), "# a cluster\nKAFKA_BROKERS=k:9092\n");
    expect((await run(root, ["start"], kafka)).code).toBe(7);
    write(join(root, ".env"), "export STREAM_TRANSPORT='kafka'\n");
    expect((await run(root, ["start"])).code).toBe(1);
  },
  TIMEOUT_MS,
);

test(
  "given Java and Maven, when a Kafka is needed, then its jars are fetched once",
  async () => {
    const root = project();
    write(join(root, "bin", "java"), `#!/bin/sh\necho 'openjdk version "17.0.1" 2021-10-19' >&2`);
    write(
      join(root, "bin", "mvn"),
      `#!/bin/sh\nfor arg; do case $arg in -DoutputDirectory=*) echo jar > "\${arg#*=}/kafka.jar";; esac; done`,
    );
    expect((await run(root, ["stack"])).code).toBe(7);
    expect(readdirSync(join(root, ".setup", "kafka")).sort()).toEqual([".set-up-from", "kafka.jar"]);
    expect(await run(root, ["stack"])).toMatchObject({ code: 7, stderr: "" });
  },
  TIMEOUT_MS,
);

test.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)(
  "given a running command, when the bootstrap gets %s, then the command gets it once and decides",
  async (signal) => {
    const root = project();
    await run(root, ["status"]);
    const does = `trap 'echo got; exit 3' ${signal.slice(3)}; echo running; while :; do sleep 0.1; done`;
    const running = run(root, ["start"], { BUN_DOES: does, KAFKA_BROKERS: "k:9092" });
    while (!running.output().includes("running")) await sleep(20);
    running.child.kill(signal);
    running.child.kill(signal);
    expect(await running).toMatchObject({ code: 3, stdout: "bun: src/cli/main.ts start\nrunning\ngot\n" });
  },
  TIMEOUT_MS,
);

test("given the committed lockfile, when looked at, then it holds every platform and no registry", () => {
  const text = readFileSync(join(HERE, "..", "package-lock.json"), "utf8");
  expect(complete(JSON.parse(text)), "run `node bootstrap/complete-lock.mjs`").toEqual([]);
  expect(text).not.toContain('"resolved"');
});
