import { afterAll, describe, expect, test } from "bun:test";
import { createServer, type Server } from "node:net";
import { hostname } from "node:os";
import type { Level, Result } from "../../src/doctor/check.ts";
import { type Ended, type Env, killLeftCommands, runCommand } from "../support/commands.ts";
import { noSecuredKafka, securedKafka } from "../support/secured-kafka.ts";
import { startTestServers, testServers } from "../support/servers.ts";
import { createTestApp } from "../support/test-app.ts";

const TEST_MS = 60_000;
/** What the doctor promises; the rest is starting the process. */
const BOUND_MS = 30_000;

afterAll(killLeftCommands);

/** The doctor's report as a program reads it. */
async function consult(
  env: Env,
  ...args: string[]
): Promise<Ended & { checks: Result[]; level: (name: string) => Level[] }> {
  const ended = await runCommand(["doctor", "--json", ...args], env, { withinMs: BOUND_MS + 5_000 });
  const { checks } = JSON.parse(ended.stdout) as { checks: Result[] };
  const level = (name: string) =>
    checks.filter((check) => `${check.family} ${check.name}` === name).map((check) => check.level);
  return { ...ended, checks, level };
}

const remedies = (checks: readonly Result[]) => checks.map(({ remedy = "" }) => remedy).join("\n");
const told = (checks: readonly Result[], name: string) =>
  checks.find((check) => `${check.family} ${check.name}` === name)?.detail ?? "";

test(
  "given servers that are as they should be, when the doctor looks, then all is ok and it says what is used",
  async () => {
    await using world = await createTestApp();

    const { code, checks } = await consult(world.env);
    const { stdout } = await runCommand(["doctor"], world.env);

    expect(checks.filter(({ level }) => level !== "ok")).toEqual([]);
    expect(code).toBe(0);
    expect(told(checks, "Postgres address")).toContain("from DATABASE_URL in the environment");
    expect(told(checks, "Kafka topics")).toBe("6 as they should be");
    expect(stdout).toMatch(/^ok {4}Kafka {5}broker .* log in \d+ ms/m);
    expect(stdout).not.toContain("Stale DNS");
  },
  TEST_MS,
);

test(
  "given no server at all, when the doctor looks, then it says what to set, and explains DNS when asked",
  async () => {
    const env = { STREAM_HOME: "/nowhere" };
    const { code, level } = await consult(env);
    const { stdout } = await runCommand(["doctor", "--dns"], env);

    expect(code).toBe(1);
    expect(level("Postgres address")).toEqual(["fail"]);
    expect(level("Kafka address")).toEqual(["fail"]);
    for (const command of ["dscacheutil", "resolvectl", "nscd", "ipconfig"]) expect(stdout).toContain(command);
  },
  TEST_MS,
);

test(
  "given a setting that cannot be, when the doctor looks, then that is the check that fails",
  async () => {
    const { code, checks, level } = await consult({ KAFKA_AUTH_METHOD: "scram-sha-512" });

    expect(code).toBe(1);
    expect(level("here configuration")).toEqual(["fail"]);
    expect(told(checks, "here configuration")).toContain("KAFKA_SASL_USERNAME");
  },
  TEST_MS,
);

test(
  "given a Kafka that refuses, when the doctor looks, then Postgres is looked at all the same",
  async () => {
    await using world = await createTestApp();
    const env = { ...world.env, KAFKA_BROKERS: `${hostname()}:1` };

    const { code, checks, level } = await consult(env);
    const { stdout } = await runCommand(["doctor"], env);

    expect(code).toBe(1);
    expect(level("Postgres rights")).toEqual(["ok"]);
    expect(level("Kafka broker")).toEqual(["fail"]);
    expect(level("Kafka topics")).toEqual(["skip"]);
    expect(told(checks, "Kafka broker")).toContain("nothing listens");
    expect(stdout).toContain("Stale DNS");
  },
  TEST_MS,
);

test(
  "given one broker of two that is away, when the doctor looks, then that is a warning",
  async () => {
    await using world = await createTestApp();

    const { code, level } = await consult({ ...world.env, KAFKA_BROKERS: `127.0.0.1:1,${world.env.KAFKA_BROKERS}` });

    expect(code).toBe(0);
    expect(level("Kafka broker")).toEqual(["warn", "ok"]);
  },
  TEST_MS,
);

test(
  "given a wrong password, when the doctor looks, then the login fails with a remedy, and the password is not shown",
  async () => {
    const { kafkaBrokers } = await testServers();
    const own = await startTestServers({ kafkaBrokers });
    try {
      const url = new URL(own.databaseUrl);
      url.password = "notthepassword";

      const { code, checks, level, stdout } = await consult({ DATABASE_URL: url.href, KAFKA_BROKERS: kafkaBrokers });

      expect(code).toBe(1);
      expect(level("Postgres TCP")).toEqual(["ok"]);
      expect(level("Postgres login")).toEqual(["fail"]);
      expect(remedies(checks)).toContain("The password is wrong");
      expect(level("Postgres schema")).toEqual(["skip"]);
      expect(level("Kafka broker")).toEqual(["ok"]);
      expect(stdout).not.toContain(url.password);
    } finally {
      await own.stop();
    }
  },
  TEST_MS,
);

test(
  "given topics that drifted or are missing, when the doctor looks, then it says what kafka:init would do",
  async () => {
    await using world = await createTestApp();
    await world.app.log.configureTopic("events.raw", { "retention.ms": "1000" });

    const drifted = await consult(world.env);
    await world.app.log.deleteTopics(["work.fetch_link"]);
    const missing = await consult(world.env);

    expect(drifted.code).toBe(0);
    expect(drifted.level("Kafka topics")).toEqual(["warn"]);
    expect(told(drifted.checks, "Kafka topics")).toBe("events.raw should have retention.ms=604800000");
    expect(missing.code).toBe(1);
    expect(missing.level("Kafka topics")).toEqual(["warn", "fail"]);
    expect(remedies(missing.checks)).toContain("npm run kafka:init");
  },
  TEST_MS,
);

test(
  "given topics or a cluster made anew, when the doctor looks, then it says kafka:reset",
  async () => {
    await using world = await createTestApp();
    const { log, store, registry } = world.app;
    const identity = await log.identity(registry.topics.map((topic) => topic.name));
    await store.forwarding.noteIdentity({ ...identity, flowFrom: new Map() });
    const same = await consult(world.env);
    await world.app.db`update lifestream.log_identity set topic_id = 'another' where topic = 'events.raw'`;
    const topic = await consult(world.env);
    await world.app.db`update lifestream.log_identity set cluster_id = 'another'`;
    const cluster = await consult(world.env);

    expect(same.level("Kafka cluster")).toEqual(["ok"]);
    expect(told(topic.checks, "Kafka cluster")).toContain("events.raw was made anew");
    expect(cluster.level("Kafka cluster")).toEqual(["fail"]);
    expect(remedies(cluster.checks)).toContain("npm run kafka:reset");
  },
  TEST_MS,
);

test(
  "given a user that may only read, when the doctor looks, then it says for what that will do, and what else is lacking",
  async () => {
    await using world = await createTestApp();
    const { db } = world.app;
    const user = `reader_${crypto.randomUUID().slice(0, 8)}`;
    await db.unsafe(`create role ${user} login password 'secret'`);
    try {
      await db.unsafe(`grant usage on schema lifestream to ${user}`);
      await db.unsafe(`grant select on all tables in schema lifestream to ${user}`);
      const url = new URL(world.env.DATABASE_URL ?? "");
      [url.username, url.password] = [user, "secret"];

      const env = { ...world.env, DATABASE_URL: url.href };
      const alone = await consult(env);
      const asRelay = await consult(env, "--as", "relay");

      expect(alone.level("Postgres rights")).toEqual(["ok"]);
      expect(told(alone.checks, "Postgres rights")).toStartWith("enough for reader (");
      expect(asRelay.code).toBe(1);
      expect(asRelay.level("Postgres rights")).toEqual(["fail"]);
      expect(told(asRelay.checks, "Postgres rights")).toContain("update (published_to_kafka, position, ");
      expect(remedies(asRelay.checks)).toContain("npm run db:migrate -- --roles");
    } finally {
      await db.unsafe(`drop owned by ${user}`);
      await db.unsafe(`drop role ${user}`);
    }
  },
  TEST_MS,
);

describe.skipIf(noSecuredKafka() !== null)("given a Kafka with access rights", () => {
  test(
    "when the doctor looks with a login that lacks some, then it names them, and the certificate",
    async () => {
      const kafka = await securedKafka();
      await using world = await createTestApp(kafka.env("none"));
      const as = (user: Parameters<typeof kafka.env>[1]) => ({ ...world.env, ...kafka.env("scram-sha-512", user) });

      const stranger = await consult(as("stranger"));
      const fetcher = await consult(as("fetcher"));
      const named = await consult(as("stranger"), "--as", "relay");
      const owner = await consult(as("owner"));
      const wrong = await runCommand(["doctor", "--as", "nobody"], world.env);

      expect(told(stranger.checks, "Kafka rights")).toBe("not enough for any stage");
      expect(told(fetcher.checks, "Kafka rights")).toMatch(
        /^as fetcher it lacks READ on topic \S+work\.fetch_link; READ on group \S+fetcher-agent-v2$/,
      );
      expect(told(named.checks, "Kafka rights")).toContain("as relay it lacks WRITE on topic");
      expect(remedies(fetcher.checks)).toContain("npm run kafka:init -- --acls");
      expect(owner.code).toBe(0);
      expect(told(owner.checks, "Kafka TLS")).toMatch(/for localhost, 127\.0\.0\.1, signed by .* CA, 1 days? left/);
      expect(wrong.code).toBe(2);
    },
    TEST_MS,
  );
});

test(
  "given a log in Postgres, when the doctor looks, then its topics are looked at and no Kafka is missed",
  async () => {
    await using world = await createTestApp();
    const env = { ...world.env, KAFKA_BROKERS: undefined, STREAM_TRANSPORT: "embedded" };
    expect((await runCommand(["kafka:init"], env)).code).toBe(0);

    const { code, checks } = await consult(env);

    expect(code).toBe(0);
    expect(told(checks, "log transport")).toContain("tables in Postgres");
    expect(told(checks, "log topics")).toBe("6 as they should be");
    expect(JSON.stringify(checks)).not.toContain("Kafka");
  },
  TEST_MS,
);

test(
  "given servers that take a connection and never answer, when the doctor looks, then it ends in time",
  async () => {
    const silent = await listen();
    try {
      const { port } = silent.address() as { port: number };
      const database = `postgres://somebody:secret@127.0.0.1:${port}/life`;

      const { code, ms, level } = await consult({ DATABASE_URL: database, KAFKA_BROKERS: `127.0.0.1:${port}` });

      expect(code).toBe(1);
      expect(ms).toBeLessThan(BOUND_MS);
      expect(level("Postgres login")).toEqual(["fail"]);
      expect(level("Kafka broker")).toEqual(["fail"]);
    } finally {
      silent.close();
    }
  },
  TEST_MS,
);

function listen(): Promise<Server> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => resolve(server));
  });
}
