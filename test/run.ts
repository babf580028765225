/** `npm test`: formatting and lint, types, layering, then all tests on one Postgres and one Kafka. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startTestServers } from "./support/servers.ts";

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

const root = fileURLToPath(new URL("..", import.meta.url));
const tool = (name: string) => join(root, "node_modules", ".bin", name);
/** What a person has set for real use must not reach a test. */
const FOR_REAL_USE = /^(DATABASE_URL|LINK_DEFAULT_VISIBILITY|AWS_.*|(KAFKA|STREAM|OPENAI|FETCH|OTEL)_.*)$/;

const interrupted = new AbortController();
const running = new Set<ChildProcess>();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    interrupted.abort(constants.signals[signal]);
    for (const child of running) child.kill(signal);
  });
}

/** Most tests wait for servers, so these run side by side with the others; each file has its own database and topics. */
const LANES = ["test/e2e/", "test/integration/"];
/** What is in no lane of its own shares this one. */
const OTHERS = "others";
/** Files that run in another lane than their folder's, so that all lanes are done at about the same time. */
const ELSEWHERE: readonly (readonly [files: RegExp, lane: string])[] = [
  [/^test\/integration\/log/, OTHERS],
  [/^test\/integration\/kafka-methods/, "test/e2e/"],
];

const total: Counts = { passed: 0, failed: 0, skipped: 0 };
await check("formatting and lint", tool("biome"), ["ci", ...(process.stdout.isTTY ? [] : ["--colors=off"]), "."]);
await check("types", tool("tsc"), ["--noEmit"]);
// Under Bun, since dependency-cruiser refuses older versions of Node.
await check("layering", process.execPath, [tool("depcruise"), "src"]);
await tests(process.argv.slice(2));

if (interrupted.signal.aborted) process.exit(128 + interrupted.signal.reason);
const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : "";
console.log(`\n${total.passed} passed, ${total.failed} failed${skipped}`);
process.exit(total.failed > 0 ? 1 : 0);

/** A step without tests of its own counts as one. */
async function check(title: string, command: string, args: readonly string[]): Promise<void> {
  const ok = (await timed(title, () => run(command, args))) === 0;
  if (ok) total.passed++;
  else total.failed++;
}

async function tests(filters: readonly string[]): Promise<void> {
  const { TEST_DATABASE_URL: databaseUrl, TEST_KAFKA_BROKERS: kafkaBrokers } = process.env;
  try {
    const start = () => startTestServers({ databaseUrl, kafkaBrokers }, interrupted.signal);
    const servers = await timed("Postgres and Kafka", start);
    try {
      const env = { TEST_DATABASE_URL: servers.databaseUrl, TEST_KAFKA_BROKERS: servers.kafkaBrokers };
      if (filters.length > 0) await timed("tests", () => bunTest(filters, env));
      else await timed("tests", () => Promise.all(lanes().map((folders) => bunTest(folders, env))));
    } finally {
      await timed("stopping the servers", servers.stop);
    }
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    total.failed++;
  }
}

/** Which files and folders run one after the other. */
function lanes(): string[][] {
  const others = readdirSync(join(root, "test"), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !LANES.includes(`test/${entry.name}/`))
    .map((entry) => `test/${entry.name}/`);
  const byLane = new Map([...LANES, OTHERS].map((lane) => [lane, [] as string[]]));
  for (const folder of LANES) {
    for (const file of testFiles(folder)) {
      const lane = ELSEWHERE.find(([files]) => files.test(file))?.[1] ?? folder;
      byLane.get(lane)?.push(file);
    }
  }
  byLane.get(OTHERS)?.unshift("src/", "bootstrap/", "examples/", ...others);
  return [...byLane.values()];
}

function testFiles(folder: string): string[] {
  return readdirSync(join(root, folder))
    .filter((name) => name.endsWith(".test.ts"))
    .map((name) => `${folder}${name}`);
}

async function bunTest(filters: readonly string[], env: Readonly<Record<string, string>>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "stream-junit-"));
  const report = join(folder, "junit.xml");
  // A machine that is busy otherwise makes slow what takes a moment: what hangs is found by this all the same.
  const flags = ["test", "--no-env-file", "--timeout=20000", "--reporter=junit", `--reporter-outfile=${report}`];
  const code = await run(process.execPath, [...flags, ...filters], env);
  const counts = countsOf(report);
  rmSync(folder, { recursive: true });
  total.passed += counts.passed;
  total.skipped += counts.skipped;
  // A file that cannot even be loaded fails the run, but stands in no report.
  total.failed += counts.failed || Number(code !== 0);
}

function countsOf(report: string): Counts {
  let xml = "";
  try {
    xml = readFileSync(report, "utf8");
  } catch {
    // No test ran: the exit code tells.
  }
  const head = /<testsuites [^>]*>/.exec(xml)?.[0] ?? "";
  const count = (name: string) => Number(new RegExp(` ${name}="(\\d+)"`).exec(head)?.[1] ?? 0);
  const [failed, skipped] = [count("failures"), count("skipped")];
  return { failed, skipped, passed: count("tests") - failed - skipped };
}

async function timed<T>(title: string, work: () => Promise<T>): Promise<T> {
  interrupted.signal.throwIfAborted();
  console.log(`\n── ${title}`);
  const started = performance.now();
  try {
    return await work();
  } finally {
    console.log(`── ${title}: ${((performance.now() - started) / 1000).toFixed(1)} s`);
  }
}

/** Runs a program on our terminal; resolves with its exit code. */
function run(command: string, args: readonly string[], more: Readonly<Record<string, string>> = {}): Promise<number> {
  const clean = Object.entries(process.env).filter(([name]) => !FOR_REAL_USE.test(name));
  const child = spawn(command, args, { cwd: root, stdio: "inherit", env: { ...Object.fromEntries(clean), ...more } });
  running.add(child);
  return new Promise<number>((resolve) => {
    child.once("error", (error) => {
      console.error(error.message);
      resolve(127);
    });
    child.once("exit", (code) => resolve(code ?? 1));
  }).finally(() => running.delete(child));
}
