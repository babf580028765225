/**
 * Every secret is a canary, and each kind of failure happens: a canary that comes up in anything that the program wrote,
 * said, sent or stored has been let out.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startStandInServer } from "../../src/adapters/llm/stand-in-server.ts";
import { connect } from "../../src/adapters/postgres/connect.ts";
import { createTokens } from "../../src/adapters/postgres/tokens.ts";
import { testWeb } from "../../src/api/testing.ts";
import { linkAddedEvent } from "../../src/domains/links/index.ts";
import { type Env, killLeftCommands, type Running, runCommand, startCommand } from "../support/commands.ts";
import type { DeadEnd } from "../support/dead-ends.ts";
import { startOtlpReceiver } from "../support/otlp-receiver.ts";
import { servePages, type TestPages } from "../support/pages.ts";
import { testServers } from "../support/servers.ts";
import { createTestApp, type TestApp, until } from "../support/test-app.ts";
import { echoingPostgres } from "./echoing-postgres.ts";
import { everythingStored, plantAmongBytes } from "./stored.ts";

const TEST_MS = 300_000;
const COMMAND_MS = 60_000;

const run = crypto.randomUUID().slice(0, 8);
/** In a password also what addresses write in another way. */
const PASSWORD = `canary/pg@${run}`;
const CANARIES = {
  postgres: PASSWORD,
  postgresEncoded: encodeURIComponent(PASSWORD),
  kafka: `canary-kafka-${run}`,
  llm: `sk-canary-llm-${run}`,
  otlp: `canary-otlp-${run}`,
  proxy: `canary-proxy-${run}`,
  awsSecret: `canary-aws-secret-${run}`,
  awsSession: `canary-aws-session-${run}`,
  login: `canary-login-${run}`,
  loginOfOthers: `canary-others-${run}`,
  unknownToken: `canary-token-${run}`,
};
/** A link that another program wrote into the ledger stands there with its login, and the API tells it to programs. */
const { loginOfOthers: _, ...KEPT_NOWHERE } = CANARIES;

let world: TestApp;
let pages: TestPages;
let llm: Awaited<ReturnType<typeof startStandInServer>>;
let traces: ReturnType<typeof startOtlpReceiver>;
let postgres: DeadEnd;
let folder: string;
let role: string;
let token: string;
let env: Record<string, string>;
/** Everything that was printed, served or sent, under what it was. */
const told = new Map<string, string>();

/** A life of failures, on Kafka or as its settings say. */
async function begin(settings: Record<string, string> = {}): Promise<void> {
  told.clear();
  folder = mkdtempSync(join(tmpdir(), "stream-canary-"));
  [pages, llm, postgres] = await Promise.all([servePages(), startStandInServer(), echoingPostgres()]);
  traces = startOtlpReceiver();
  llm.answers(({ authorization }, response) => {
    const message = `Incorrect API key provided: ${authorization} (${authorization.slice(0, 24)}***)`;
    response.writeHead(401, { "content-type": "application/json", "x-key": authorization });
    response.end(JSON.stringify({ error: { message, code: "invalid_api_key" } }));
  });
  role = `t_canary_${run}`;
  await onServer(`create role ${role} login superuser password '${PASSWORD}'`);
  world = await createTestApp(settings);
  token = await createTokens(world.app.db).create("canary", ["admin"]);
  const database = new URL(world.env.DATABASE_URL ?? "");
  database.username = role;
  database.password = encodeURIComponent(PASSWORD);
  writeFileSync(join(folder, "key"), `${CANARIES.llm}\n`);
  env = {
    ...world.env,
    DATABASE_URL: database.href,
    KAFKA_SASL_USERNAME: "ada",
    KAFKA_SASL_PASSWORD: CANARIES.kafka,
    OPENAI_API_KEY_FILE: join(folder, "key"),
    OPENAI_BASE_URL: llm.baseUrl,
    OTEL_EXPORTER_OTLP_ENDPOINT: traces.endpoint,
    OTEL_EXPORTER_OTLP_HEADERS: `api-key=${CANARIES.otlp}`,
    AWS_REGION: "eu-west-1",
    AWS_ACCESS_KEY_ID: "AKIACANARY",
    AWS_SECRET_ACCESS_KEY: CANARIES.awsSecret,
    AWS_SESSION_TOKEN: CANARIES.awsSession,
    FETCH_ALLOW_HOSTS: pages.host,
    LOG_LEVEL: "debug",
  };
}

async function end(): Promise<void> {
  await killLeftCommands();
  await world[Symbol.asyncDispose]();
  await onServer(`drop role ${role}`);
  await Promise.all([pages[Symbol.asyncDispose](), postgres[Symbol.asyncDispose](), llm.close()]);
  traces.stop();
  rmSync(folder, { recursive: true, force: true });
}

async function onServer(statement: string): Promise<void> {
  const db = connect({ url: (await testServers()).databaseUrl, name: "test admin", maxConnections: 1 });
  await db.unsafe(statement);
  await db.end();
}

/** Which canaries are in what was told; with what they were in. */
function letOut(texts: ReadonlyMap<string, string>, canaries: Readonly<Record<string, string>>): string[] {
  const all = Object.entries({ ...canaries, token });
  return [...texts].flatMap(([where, text]) =>
    all.filter(([, canary]) => text.includes(canary)).map(([name]) => `${name} in ${where}`),
  );
}

async function tell(command: string, changes: Env = {}): Promise<number | null> {
  const { code, stdout, stderr } = await runCommand(
    command.split(" "),
    { ...env, ...changes },
    { withinMs: COMMAND_MS },
  );
  told.set(`${command} ${Object.keys(changes).join(" ")}`, stdout + stderr);
  return code;
}

/** What nobody can log in with: each wrong at a server of another kind. */
const FAILURES: readonly (readonly [given: string, command: string, changes: () => Env])[] = [
  ["a Postgres that repeats the password", "status", () => ({ DATABASE_URL: echoing() })],
  ["a Postgres that repeats the password", "db:migrate", () => ({ DATABASE_URL: echoing() })],
  ["a Postgres that repeats the password", "doctor", () => ({ DATABASE_URL: echoing() })],
  ["a Postgres that is not there", "status --json", () => ({ DATABASE_URL: echoing().replace(/:\d+\//, ":9/") })],
  ["an address of another kind", "status", () => ({ DATABASE_URL: `mysql://me:${CANARIES.postgres}@127.0.0.1/x` })],
  ["a Kafka without PLAIN", "kafka:wait --timeout 3", () => ({ KAFKA_AUTH_METHOD: "plain" })],
  ["a Kafka without SCRAM", "kafka:wait --timeout 3", () => ({ KAFKA_AUTH_METHOD: "scram-sha-512" })],
  ["a Kafka without TLS", "kafka:wait --timeout 3", () => ({ KAFKA_AUTH_METHOD: "aws-iam", KAFKA_SSL: "false" })],
  ["a Kafka without TLS", "doctor", () => ({ KAFKA_AUTH_METHOD: "scram-sha-256", KAFKA_SSL: "true" })],
  ["a link with a login", `add link http://ada:${CANARIES.login}@127.0.0.1:9/`, () => ({})],
];

const echoing = () => {
  return `postgres://${role}:${encodeURIComponent(PASSWORD)}@127.0.0.1:${postgres.port}/life`;
};

describe("servers that refuse", () => {
  beforeAll(() => begin(), TEST_MS);
  afterAll(end, TEST_MS);

  test(
    "given servers that refuse each secret, when commands fail, then none repeats it",
    async () => {
      for (const [given, command, changes] of FAILURES) {
        const code = await tell(command, changes());
        expect([given, command, code === 0]).toEqual([given, command, false]);
      }
      // What a person typed comes back to them at most: not from us.
      expect(letOut(withoutTyped(told), KEPT_NOWHERE)).toEqual([]);
    },
    TEST_MS,
  );
});

/** The key under which a command's output is kept holds its words. */
const withoutTyped = (texts: ReadonlyMap<string, string>) =>
  new Map([...texts].map(([, text], n) => [`output ${n}`, text]));

/** Without Kafka, the log's records are rows too. */
const LIVES: [name: string, settings: Record<string, string>][] = [
  ["Kafka", {}],
  ["a log in Postgres", { STREAM_TRANSPORT: "embedded", KAFKA_BROKERS: "" }],
];

describe.each(LIVES)("on %s", (_, settings) => {
  beforeAll(() => begin(settings), TEST_MS);
  afterAll(end, TEST_MS);

  test(
    "given a life of failures, when all that it left is looked through, then no secret is in it",
    async () => {
      const first = startCommand(["start"], env);
      const address = await addressOf(first);
      const id = await capture(address);
      await until(isOver, COMMAND_MS);
      await until(async () => llm.requests.length > 0);
      await look(address, id);
      told.set("start", printed(await first.stop()));

      // Once more behind a proxy that wants a password and is not there.
      const proxy = `http://ada:${CANARIES.proxy}@127.0.0.1:9`;
      const second = startCommand(["start"], { ...env, HTTP_PROXY: proxy, HTTPS_PROXY: proxy });
      await addressOf(second);
      expect(await tell(`add link ${pages.origin}/ok/behind-a-proxy`)).toBe(0);
      await until(isAskedTwice, COMMAND_MS);
      told.set("start behind a proxy", printed(await second.stop()));

      const dead = await deadWork();
      expect(dead).toHaveLength(2);
      const records = await setAside();
      expect(records.length).toBeGreaterThan(0);
      const shown = [id, LOGIN_OF_OTHERS].map((subject) => `show ${subject}`);
      const failures = [...dead, ...records].map((failure) => `dlq show ${failure}`);
      const looks = ["dlq list", "dlq list --json", ...failures, ...failures.map((one) => `${one} --json`), ...shown];
      expect(await Promise.all(looks.map((command) => tell(command)))).toEqual(looks.map(() => 0));
      for (const command of ["status", "status --json", "doctor", `show ${id} --json`, "verify"]) await tell(command);
      told.set("traces", JSON.stringify(traces.spans));
      for (const file of readdirSync(env.STREAM_HOME ?? "", { recursive: true, withFileTypes: true })) {
        if (file.isFile()) told.set(`file ${file.name}`, readFileSync(join(file.parentPath, file.name), "utf8"));
      }

      expect(traces.spans.length).toBeGreaterThan(0);
      expect(told.get("start")).toContain('"level":20');
      expect(letOut(withoutTyped(told), KEPT_NOWHERE)).toEqual([]);
      // Programs are told what other programs saved, and a failure's bytes are given as they came.
      const exact = /^\/api\/|^\/failures\/\S+\/value |^dlq show \S+ --json/;
      const forPeople = new Map([...told].filter(([what]) => !exact.test(what)));
      expect(letOut(withoutTyped(forPeople), CANARIES)).toEqual([]);
      const stored = await everythingStored(world);
      expect(letOut(stored, KEPT_NOWHERE)).toEqual([]);
      // What is known to be there is seen there.
      expect(stored.get("table events")).toContain("/ok/canary");
      expect(stored.get("topic work.dead_letter")).toContain("failed_at");
      const kept = letOut(stored, { others: CANARIES.loginOfOthers });
      expect(kept).toEqual(expect.arrayContaining(["events", "dead_letters"].map((name) => `others in table ${name}`)));
    },
    TEST_MS,
  );

  test(
    "given canaries among the bytes of each table, when all that is stored is looked through, then each is found",
    async () => {
      const planted = await plantAmongBytes(world);
      const columns = ["dead_letters.record_key", "dead_letters.record_value", "api_tokens.token_hash"];
      const ofTheLog = ["log_records.key", "log_records.value"];
      const all = world.app.transport.kind === "embedded" ? [...columns, ...ofTheLog] : columns;
      expect(planted.map(({ column }) => column).sort()).toEqual(all.sort());
      const stored = await everythingStored(world);
      expect(planted.filter(({ where, canary }) => !stored.get(where)?.includes(canary))).toEqual([]);
    },
    TEST_MS,
  );
});

async function addressOf(start: Running): Promise<string> {
  const [, address = ""] = await start.said(/^ready +(\S+)/m, COMMAND_MS);
  return address;
}

const printed = ({ stdout, stderr }: { stdout: string; stderr: string }) => stdout + stderr;

/**
 * A good page, which no language model will tag; one that is not there; one with a login; a record that is no event.
 * Returns the good one's id.
 */
async function capture(address: string): Promise<string> {
  const login = `http://ada:${CANARIES.login}@127.0.0.1:9/`;
  const answers = [
    await ask(address, "/api/links", { url: `${pages.origin}/ok/canary` }),
    await ask(address, "/api/links", { url: `${pages.origin}/404/canary` }),
    await ask(address, "/api/links", { url: login }),
    await ask(address, "/api/links", { url: "http://127.0.0.1:9/" }, CANARIES.unknownToken),
  ];
  expect(answers.map(({ status }) => status)).toEqual([201, 201, 422, 401]);
  const { db } = world.app;
  const url = `http://ada:${CANARIES.loginOfOthers}@127.0.0.1:9/`;
  await db`insert into lifestream.events (occurred_at, source, subject, subject_id, event_type, payload)
    values (now(), 'other', 'link', ${LOGIN_OF_OTHERS}, 'link.added', ${db.json({ url, url_norm: url })})`;
  // Half a record: nobody can read it, and its bytes are kept.
  const half = JSON.stringify({ url }).slice(0, -1);
  await world.app.log.append("events.raw", [{ key: LOGIN_OF_OTHERS, value: half, headers: {} }]);
  return linkAddedEvent({ url: `${pages.origin}/ok/canary`, source: "test" }).subjectId;
}

async function ask(address: string, path: string, body?: object, bearer = token) {
  const headers = { authorization: `Bearer ${bearer}`, "content-type": "application/json" };
  const init = body ? { method: "POST", body: JSON.stringify(body) } : {};
  const response = await fetch(address + path, { headers, redirect: "manual", ...init });
  const text = await response.text();
  told.set(`${path} ${told.size}`, JSON.stringify([...response.headers]) + text);
  return { status: response.status, text };
}

/** The dead are dead, the record is set aside, and the good one waits for a language model that takes its key. */
async function isOver(): Promise<boolean> {
  const [row] = await world.app.db<{ dead: number; read: number; aside: number }[]>`
    select count(*) filter (where status = 'dead' and dead_letter_sent_at is not null)::int as dead,
      (select count(*)::int from lifestream.dead_letters where record_value is not null) as aside,
      count(*) filter (where status = 'done')::int as read from lifestream.work where work_type = 'fetch_link'`;
  return row?.dead === 2 && row.read === 1 && row.aside > 0;
}

/** The language model was asked about both good pages and did not answer. */
async function isAskedTwice(): Promise<boolean> {
  const failed = await world.app.db`
    select from lifestream.work where work_type = 'enrich_link' and last_error like '%language model%'`;
  return failed.count === 2;
}

const deadWork = async () => {
  const rows = await world.app.db<{ id: string }[]>`select id from lifestream.work where status = 'dead'`;
  return rows.map((row) => row.id);
};

const setAside = async () => {
  const rows = await world.app.db<{ id: string }[]>`select id from lifestream.dead_letters`;
  return rows.map((row) => row.id);
};

/** A link whose address another program saved with a login in it. */
const LOGIN_OF_OTHERS = "link:00000000000000aa";

/** Every page and endpoint that can be read. */
async function look(address: string, id: string): Promise<void> {
  const failures = [...(await deadWork()), ...(await setAside())];
  const { routes } = testWeb({ metrics: async () => "" });
  for (const { path } of routes.filter(({ method }) => method === "GET")) {
    for (const subject of [id, LOGIN_OF_OTHERS, ...failures])
      await ask(address, path.replace(/:\w+/, subject).replace("*", ""));
  }
  for (const act of ["redriven", "discarded"]) await ask(address, `/failures/decide?act=${act}`);
}
