import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "../../src/adapters/postgres/connect.ts";
import { removeStackHome } from "../../src/stack/index.ts";
import { type Ended, type Env, killLeftCommands, runCommand, startCommand } from "../support/commands.ts";
import { inTurn } from "../support/in-turn.ts";
import { createTestApp, type TestApp } from "../support/test-app.ts";

/** Nothing here waits for anybody: a command that takes longer hangs. */
const DEADLINE_MS = 20_000;
const TEST_MS = 90_000;
/** Processes at once: as many as two cores carry without one starving the other. */
const AT_ONCE = 3;
const SECRET = "canary-51c7e0";

let world: TestApp;
/** As `world`, but with a migration that this code does not know. */
let newer: TestApp;
/** As `world`, but nobody migrated its database. */
let bare: TestApp;
let folder: string;
let taken: Server;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "stream-errors-"));
  chmodSync(folder, 0o755); // As root, Postgres runs as another user, which has to get in.
  writeFileSync(join(folder, "file"), "");
  mkdirSync(join(folder, "read-only"), { mode: 0o555 });
  taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
  [world, newer, bare] = await Promise.all([createTestApp(), createTestApp(), createTestApp({}, { bare: true })]);
  await newer.app.db`insert into lifestream.schema_migrations (name, checksum) values ('9999_future', '')`;
}, 60_000);

afterAll(async () => {
  await killLeftCommands();
  taken.close();
  await Promise.all([world, newer, bare].map((one) => one[Symbol.asyncDispose]()));
  removeStackHome(folder);
}, 60_000);

interface Mistake {
  readonly given: string;
  readonly run: string;
  /** On top of a working environment; called once everything is set up. */
  readonly env?: () => Env;
  readonly code: 1 | 2;
  readonly says: RegExp;
  readonly stdin?: string;
}

const databaseUrl = (change: (url: URL) => void): string => {
  const url = new URL(world.env.DATABASE_URL ?? "");
  change(url);
  return url.href;
};
const database = (change: (url: URL) => void) => () => ({ DATABASE_URL: databaseUrl(change) });
const deadPort = database((url) => {
  url.port = "1";
});
const nobodysDatabase = database((url) => {
  url.pathname = "/no_such_database";
});
const takenPort = () => String((taken.address() as { port: number }).port);
const login = { KAFKA_SASL_USERNAME: "me", KAFKA_SASL_PASSWORD: SECRET };

const wrongUsage: Mistake[] = [
  { given: "an unknown command", run: "frobnicate", code: 2, says: /unknown command 'frobnicate'/ },
  { given: "an unknown option", run: "status --frob", code: 2, says: /unknown option '--frob'/ },
  { given: "an argument too many", run: "status now", code: 2, says: /too many arguments for 'status'/ },
  { given: "no subject", run: "show", code: 2, says: /missing required argument 'subject'/ },
  { given: "no kind", run: "add", code: 2, says: /missing required argument 'kind'/ },
  { given: "an unknown kind", run: "add banana x", code: 2, says: /"banana" is nothing that can be added: link, todo/ },
  { given: "nothing to add", run: "add todo", code: 2, says: /nothing to add: give TITLE/ },
  { given: "a URL that is none", run: "add link nonsense", code: 2, says: /"nonsense" is no web address/ },
  { given: "a URL of another scheme", run: "add link ftp://example.com/", code: 2, says: /is no web address/ },
  { given: "an unknown word", run: "add link http://x/ --pubic", code: 2, says: /not "http:\/\/x\/ --pubic"/ },
  { given: "an unknown sensor form", run: "add temp kitchen warm", code: 2, says: /SENSOR CELSIUS \[TIME\]/ },
  { given: "an unknown time", run: "add temp kitchen 20 noon", code: 2, says: /"noon" is no time/ },
  { given: "only wrong lines", run: "add link", stdin: "a\nb\n", code: 1, says: /2 of 2 lines were not added/ },
  { given: "no timeout", run: "kafka:wait --timeout soon", code: 2, says: /--timeout is a number of seconds/ },
  { given: "a reset without a yes", run: "kafka:reset", code: 2, says: /confirm with --yes/ },
  { given: "an unknown subject", run: "show link:0", code: 1, says: /nothing is known of link:0/ },
];

const wrongConfiguration: Mistake[] = [
  {
    given: "no database",
    run: "add todo x",
    env: () => ({ DATABASE_URL: undefined }),
    code: 1,
    says: /no database: set DATABASE_URL/,
  },
  {
    given: "a database of another make",
    run: "db:migrate",
    env: () => ({ DATABASE_URL: `mysql://me:${SECRET}@localhost/x` }),
    code: 1,
    says: /DATABASE_URL: must look like postgres:\/\//,
  },
  {
    given: "a database URL that is none",
    run: "db:migrate",
    env: () => ({ DATABASE_URL: `postgres://me:${SECRET}@:99999/x` }),
    code: 1,
    says: /DATABASE_URL: must look like postgres:\/\//,
  },
  {
    given: "no Kafka",
    run: "kafka:init",
    env: () => ({ KAFKA_BROKERS: undefined }),
    code: 1,
    says: /no Kafka: set KAFKA_BROKERS/,
  },
  {
    given: "an unknown login method",
    run: "kafka:init",
    env: () => ({ KAFKA_AUTH_METHOD: "kerberos" }),
    code: 1,
    says: /KAFKA_AUTH_METHOD: .*"scram-sha-512"/,
  },
  {
    given: "a login method without a login",
    run: "kafka:init",
    env: () => ({ KAFKA_AUTH_METHOD: "plain" }),
    code: 1,
    says: /needs KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD/,
  },
  {
    given: "a password without TLS for a broker elsewhere",
    run: "kafka:init",
    env: () => ({ KAFKA_AUTH_METHOD: "plain", ...login, KAFKA_BROKERS: "kafka.example:9092" }),
    code: 1,
    says: /a password is not sent to kafka\.example:9092 in the clear/,
  },
  {
    given: "a CA file that is not there",
    run: "kafka:init",
    env: () => ({ KAFKA_SSL: "true", KAFKA_SSL_CA_FILE: join(folder, "none.pem") }),
    code: 1,
    says: /KAFKA_SSL_CA_FILE cannot be read: .*none\.pem \(ENOENT\)$/,
  },
  {
    given: "a port that is none",
    run: "status",
    env: () => ({ STREAM_WEB_PORT: "http" }),
    code: 1,
    says: /STREAM_WEB_PORT: must be a port number/,
  },
];

const awayServers: Mistake[] = [
  { given: "nothing at the database's port", run: "add todo x", env: deadPort, code: 1, says: /Postgres cannot be r/ },
  {
    given: "the same",
    run: "db:migrate",
    env: deadPort,
    code: 1,
    says: /Postgres cannot be reached \(.*:1\): see that it runs/,
  },
  {
    given: "the same",
    run: "kafka:publish --once",
    env: deadPort,
    code: 1,
    says: /Postgres cannot be reached \(.*:1\): see that it runs/,
  },
  {
    given: "the same",
    run: "router",
    env: deadPort,
    code: 1,
    says: /Postgres cannot be reached \(.*:1\): see that it runs/,
  },
  {
    given: "the same",
    run: "start",
    env: deadPort,
    code: 1,
    says: /Postgres cannot be reached \(.*:1\): see that it runs/,
  },
  { given: "no such database", run: "db:migrate", env: nobodysDatabase, code: 1, says: /"no_such_database" does not/ },
  { given: "the same", run: "router --once", env: nobodysDatabase, code: 1, says: /"no_such_database" does not exist/ },
  ...["kafka:init", "start", "kafka:publish --once", "agent:fetcher"].map(
    (run): Mistake => ({
      given: "nothing at the broker's port",
      run,
      env: () => ({ KAFKA_BROKERS: "127.0.0.1:1" }),
      code: 1,
      says: /Kafka: nothing listens at 127\.0\.0\.1:1: start Kafka there, or correct the address in KAFKA_BROKERS$/,
    }),
  ),
  {
    given: "the same",
    run: "kafka:wait --timeout 1",
    env: () => ({ KAFKA_BROKERS: "127.0.0.1:1" }),
    code: 1,
    says: /Kafka cannot be used after 1 s: connect 127\.0\.0\.1:1/,
  },
  {
    given: "a broker whose name nobody knows",
    run: "kafka:wait --timeout 1",
    env: () => ({ KAFKA_BROKERS: "broker.invalid" }),
    code: 1,
    says: /Kafka cannot be used after 1 s: resolve broker\.invalid/,
  },
];

const notReady: Mistake[] = [
  ...["db:migrate", "start", "kafka:publish --once"].map(
    (run): Mistake => ({
      given: "a database newer than the code",
      run,
      env: () => newer.env,
      code: 1,
      says: /this database is newer than this program: .*9999_future/,
    }),
  ),
  ...["router --once", "agent:publisher"].map(
    (run): Mistake => ({
      given: "a database that nobody migrated",
      run,
      env: () => bare.env,
      code: 1,
      says: /the database lacks 0001_contract.*run "npm run db:migrate"/,
    }),
  ),
  ...["add todo x", "status", "kafka:reset --yes"].map(
    (run): Mistake => ({
      given: "a database that nobody migrated",
      run,
      env: () => bare.env,
      code: 1,
      says: /^Postgres says no \(.* does not exist\): .*run "npm run db:migrate"/,
    }),
  ),
  ...["kafka:publish", "kafka:materialize --once"].map(
    (run): Mistake => ({
      given: "topics that nobody made",
      run,
      env: () => ({ KAFKA_TOPIC_PREFIX: "nobody-made." }),
      code: 1,
      says: /^Kafka lacks events\.raw.*run "npm run kafka:init"/,
    }),
  ),
];

const local: Mistake[] = [
  {
    given: "a taken web port",
    run: "start",
    env: () => ({ STREAM_WEB_PORT: takenPort() }),
    code: 1,
    says: /^Port \d+ \(STREAM_WEB_PORT\) is taken/,
  },
  ...["start", "stack"].map(
    (run): Mistake => ({
      given: "a taken Postgres port",
      run,
      env: () => ({ DATABASE_URL: undefined, STREAM_PG_PORT: takenPort(), STREAM_HOME: join(folder, `pg-${run}`) }),
      code: 1,
      says: /^Port \d+ \(STREAM_PG_PORT\) is taken/,
    }),
  ),
  {
    given: "a taken Kafka port",
    run: "start",
    env: () => ({ KAFKA_BROKERS: undefined, STREAM_KAFKA_PORT: takenPort(), STREAM_HOME: join(folder, "kafka") }),
    code: 1,
    says: /^Port \d+ \(STREAM_KAFKA_PORT\) is taken/,
  },
  {
    given: "a STREAM_HOME that is a file",
    run: "start",
    env: () => ({ STREAM_HOME: join(folder, "file") }),
    code: 1,
    says: /^STREAM_HOME .* is not a folder/,
  },
  {
    given: "a STREAM_HOME below a file",
    run: "stack",
    env: () => ({ STREAM_HOME: join(folder, "file", "below") }),
    code: 1,
    says: /^STREAM_HOME .* is not a folder/,
  },
];

const turn = inTurn(AT_ONCE);

async function make({ run, env, stdin }: Mistake): Promise<Ended> {
  const complete = { ...world.env, ...env?.() };
  return turn(() => runCommand(run.split(" "), complete, { withinMs: DEADLINE_MS, ...(stdin ? { stdin } : {}) }));
}

/** One sentence for a person, after at most some structured log lines; nothing of the program's insides, no secret. */
function expectOneSentence({ stdout, stderr }: Ended, says: RegExp): void {
  const lines = stderr.trimEnd().split("\n");
  const last = (lines.pop() ?? "").replace(/^error: /, "");
  expect(last).toMatch(says);
  expect(last).not.toMatch(/^\{/);
  const before = lines.filter((line) => !line.startsWith("{") && !/^line \d+: /.test(line));
  expect(before).toEqual([]);
  expect(stdout + stderr).not.toMatch(/^\s+at /m);
  expect(stdout + stderr).not.toContain(SECRET);
}

for (const [title, mistakes] of Object.entries({ wrongUsage, wrongConfiguration, awayServers, notReady, local })) {
  describe(title, () => {
    for (const mistake of mistakes) {
      const { given, run, code, says } = mistake;
      test.concurrent(
        `given ${given}, when "${run}" runs, then it ends with ${code} and one sentence`,
        async () => {
          const ended = await make(mistake);
          expectOneSentence(ended, says);
          expect(ended.code).toBe(code);
        },
        TEST_MS,
      );
    }
  });
}

describe("what depends on this machine", () => {
  test(
    "given a wrong password, when a command runs, then it says so and never the password",
    async () => {
      const url = databaseUrl((one) => {
        one.password = SECRET;
      });
      if (await accepts(url)) return console.warn("not tried: this Postgres lets everybody in without a password");
      for (const run of ["add todo x", "router"]) {
        const ended = await make({ given: "", run, env: () => ({ DATABASE_URL: url }), code: 1, says: /./ });
        expectOneSentence(ended, /password authentication failed for user/);
        expect(ended.code).toBe(1);
      }
    },
    TEST_MS,
  );

  test(
    "given a folder we may not write to, when it is STREAM_HOME, then start says so",
    async () => {
      if (process.getuid?.() === 0) return console.warn("not tried: root may write everywhere");
      const env = () => ({ STREAM_HOME: join(folder, "read-only", "home") });
      const ended = await make({ given: "", run: "start", env, code: 1, says: /./ });
      expectOneSentence(ended, /^STREAM_HOME .* cannot be written to/);
    },
    TEST_MS,
  );
});

test(
  "given a STREAM_HOME in use, when a second run starts on it, then it is refused and named the first",
  async () => {
    const env = { ...world.env, STREAM_HOME: join(folder, "shared") };
    const first = startCommand(["start"], env);
    const [, address = ""] = await first.said(/^ready +(\S+)/m);
    const second = await runCommand(["start"], env, { withinMs: DEADLINE_MS });
    expectOneSentence(second, new RegExp(`in use by another run \\(pid ${first.pid}, since .*, ${address}\\)`));
    expect(second.code).toBe(1);
    expect((await first.stop()).code).toBe(0);
  },
  TEST_MS,
);

async function accepts(url: string): Promise<boolean> {
  const db = connect({ url, name: "test", maxConnections: 1 });
  const answer = await db`select 1`.then(() => true).catch(() => false);
  await db.end();
  return answer;
}
