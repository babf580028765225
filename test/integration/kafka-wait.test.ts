import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Env, killLeftCommands, runCommand, startCommand } from "../support/commands.ts";
import { listenWith } from "../support/dead-ends.ts";
import { grant } from "../support/rights.ts";
import { noSecuredKafka, type SecuredKafka, securedKafka } from "../support/secured-kafka.ts";

const absent = noSecuredKafka();
if (absent) console.warn(`not tried: kafka:wait on a secured Kafka (${absent})`);

const TEST_MS = 60_000;
let kafka: SecuredKafka;

describe.skipIf(absent !== null)("kafka:wait", () => {
  beforeAll(async () => {
    kafka = await securedKafka();
  }, TEST_MS);
  afterAll(killLeftCommands, TEST_MS);

  const wait = (env: Env, timeout: number) => runCommand(["kafka:wait", "--timeout", `${timeout}`], env);

  test(
    "given a cluster that can be used, when run, then each step is printed and it ends at once",
    async () => {
      const { code, stdout, ms } = await wait(kafka.env("scram-sha-512"), 30);
      expect(stdout.trim().split("\n")).toEqual([
        "ok  resolve 127.0.0.1: 127.0.0.1",
        expect.stringMatching(/^ok {2}connect 127\.0\.0\.1:\d+: open$/),
        "ok  TLS: yes",
        "ok  log in (owner, SCRAM-SHA-512): accepted",
        expect.stringMatching(/^ok {2}see the topic events\.raw: cluster \S+, the topic does not exist yet$/),
      ]);
      expect(code).toBe(0);
      expect(ms).toBeLessThan(10_000);
    },
    TEST_MS,
  );

  test(
    "given a first broker that is away, when run, then the second is enough",
    async () => {
      const env = kafka.env("tls");
      const { code, stdout } = await wait({ ...env, KAFKA_BROKERS: `127.0.0.1:1,${env.KAFKA_BROKERS}` }, 30);
      expect(stdout).toMatch(/^\.\.\. connect 127\.0\.0\.1:1: nothing listens/m);
      expect(code).toBe(0);
    },
    TEST_MS,
  );

  test(
    "given a login that is refused, when the time is over, then it had gone on trying, showed it once and ends with 1",
    async () => {
      const { code, stdout, stderr, ms } = await wait({ ...kafka.env("plain"), KAFKA_SASL_PASSWORD: "canary-7" }, 4);
      expect(stdout.match(/^\.\.\. log in .* refused the login of "owner"/gm)).toHaveLength(1);
      expect(stderr).toMatch(
        /^Kafka cannot be used after 4 s: log in \(owner, PLAIN\): .* refused the login of "owner"/,
      );
      expect(stdout + stderr).not.toContain("canary-7");
      expect(code).toBe(1);
      expect(ms).toBeGreaterThan(3_900);
      expect(ms).toBeLessThan(8_000);
    },
    TEST_MS,
  );

  test(
    "given a step that hangs, when the time is over, then it is not waited for",
    async () => {
      await using silent = await listenWith(() => {});
      const { code, stderr, ms } = await wait({ KAFKA_BROKERS: `127.0.0.1:${silent.port}` }, 1);
      expect(stderr).toMatch(/^Kafka cannot be used after 1 s: /);
      expect(code).toBe(1);
      expect(ms).toBeLessThan(15_000);
    },
    TEST_MS,
  );

  test(
    "given rights that come later, when they are there, then it ends with 0",
    async () => {
      const topic = `w-${crypto.randomUUID()}.`;
      const command = startCommand(["kafka:wait", "--timeout", "40"], {
        ...kafka.env("scram-sha-256", "publisher"),
        KAFKA_TOPIC_PREFIX: topic,
      });
      await command.said(/^\.\.\. see the topic .*the user "publisher" may not use the topic w-/m);
      await grant(kafka, "publisher", { topics: [`${topic}events.raw`], operations: ["describe"] });
      const { code, stdout } = await command.ended;
      expect(stdout).toMatch(/^ok {2}see the topic w-.*events\.raw: cluster/m);
      expect(code).toBe(0);
    },
    TEST_MS,
  );
});
