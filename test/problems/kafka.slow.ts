/** One test for each way that connecting to a Kafka goes wrong: on a real broker, through a real command. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { createKafkaLog } from "../../src/adapters/kafka/log.ts";
import { loadConfig } from "../../src/config.ts";
import { RefusedError } from "../../src/engine/errors.ts";
import { silentLogger } from "../../src/engine/logger.ts";
import { type Env, killLeftCommands, runCommand } from "../support/commands.ts";
import { blockedPort, type DeadEnd, listenWith } from "../support/dead-ends.ts";
import { inTurn } from "../support/in-turn.ts";
import { apiKeysIn } from "../support/kafka-requests.ts";
import { grant } from "../support/rights.ts";
import {
  noSecuredKafka,
  ownAddress,
  type SecuredKafka,
  securedKafka,
  type User,
  type Way,
} from "../support/secured-kafka.ts";
import { createTestApp, type TestApp } from "../support/test-app.ts";

const absent = noSecuredKafka();
if (absent) console.warn(`not tried: what is said when Kafka cannot be used (${absent})`);

/** Start of the program included; nothing is waited for longer than five seconds. */
const BOUND_MS = 20_000;
const TEST_MS = 120_000;
const turn = inTurn(3);
const SECRET = "canary-9b1f";
/** Kafka's number for the request that carries a login. */
const SASL_AUTHENTICATE = 36;

let kafka: SecuredKafka;
let world: TestApp;
let silent: DeadEnd;
let web: DeadEnd;
let blocked: DeadEnd | null;

interface Problem {
  readonly given: string;
  readonly env: () => Env | null;
  readonly says: RegExp;
  readonly run?: string;
}

const way = (name: Way, changes: () => Env = () => ({})) => {
  return () => ({ ...kafka.env(name), ...changes() });
};
const at = (listener: Parameters<SecuredKafka["brokers"]>[0]) => () => ({ KAFKA_BROKERS: kafka.brokers(listener) });
const inTheClear = { KAFKA_SSL: undefined, KAFKA_SSL_CA_FILE: undefined };
const iam =
  (changes: Env = {}) =>
  () =>
    kafka.hasIam ? { ...kafka.env("aws-iam"), ...changes } : null;
const clockOff = (ms: number) => {
  return iam({ SHIFT_CLOCK_MS: String(ms), BUN_OPTIONS: "--preload ./test/support/shifted-clock.ts" });
};

const address = String.raw`127\.0\.0\.1:\d+`;
const sentence = (text: string) => new RegExp(`^Kafka: ${text}`);

const logins: Problem[] = [
  {
    given: "a wrong password",
    env: way("scram-sha-512", () => ({ KAFKA_SASL_PASSWORD: SECRET })),
    says: sentence(`${address} refused the login of "owner" with SCRAM-SHA-512: the password is wrong or there is no`),
  },
  {
    given: "a wrong password for PLAIN",
    env: way("plain", () => ({ KAFKA_SASL_PASSWORD: SECRET })),
    says: sentence(`${address} refused the login of "owner" with PLAIN: .* check KAFKA_SASL_USERNAME and KAFKA_SASL_P`),
  },
  {
    given: "an unknown user",
    env: way("scram-sha-256", () => ({ KAFKA_SASL_USERNAME: "nobody", KAFKA_SASL_PASSWORD: SECRET })),
    says: sentence(`${address} refused the login of "nobody" with SCRAM-SHA-256: .* or there is no such user`),
  },
  {
    given: "a login method that the port does not take",
    env: way("plain", at("reauth")),
    says: sentence(`${address} does not take PLAIN logins, only SCRAM-SHA-512.*: set KAFKA_AUTH_METHOD`),
  },
  {
    given: "no login where one is asked for",
    env: way("tls", at("sasl_tls")),
    says: sentence(`${address} asks for a login \\(.*SCRAM-SHA-512.*\\): set KAFKA_AUTH_METHOD`),
  },
  {
    given: "the same without TLS",
    env: way("none", at("sasl")),
    says: sentence(`${address} asks for a login \\(.*PLAIN.*\\): set KAFKA_AUTH_METHOD`),
  },
  {
    given: "a login where none is taken",
    env: way("scram-sha-512", at("tls")),
    says: sentence(`${address} takes no login at this port: .* or set KAFKA_AUTH_METHOD=none`),
  },
  {
    given: "the same without TLS",
    env: way("plain", () => ({ ...at("plaintext")(), ...inTheClear })),
    says: sentence(`${address} takes no login at this port`),
  },
];

const certificates: Problem[] = [
  {
    given: "another CA",
    env: way("tls", () => ({ KAFKA_SSL_CA_FILE: kafka.otherCaFile })),
    says: sentence(`${address} shows a certificate that no CA in .*other/ca\\.pem signed: put the CA`),
  },
  {
    given: "only the CAs of the system",
    env: way("scram-sha-512", () => ({ KAFKA_SSL_CA_FILE: undefined })),
    says: sentence(`${address} shows a certificate of a CA that this machine does not know: name .* KAFKA_SSL_CA_FILE`),
  },
  {
    given: "an expired certificate",
    env: way("tls", at("expired")),
    says: sentence(`${address} shows a certificate that is not valid today \\(20.*\\): renew it on the broker, or`),
  },
  {
    given: "a certificate for another name",
    env: way("tls", at("misnamed")),
    says: sentence(`${address} shows a certificate for kafka\\.example\\.net: write the broker in KAFKA_BROKERS as`),
  },
  {
    given: "no client certificate where one is asked for",
    env: way("tls", at("mtls")),
    says: sentence(`${address} asks for a client certificate: name it in KAFKA_SSL_CERT_FILE and its key in`),
  },
  {
    given: "a client certificate that the broker does not trust",
    env: way("mtls", () => ({
      KAFKA_SSL_CERT_FILE: kafka.strangeClient.certFile,
      KAFKA_SSL_KEY_FILE: kafka.strangeClient.keyFile,
    })),
    says: sentence(`${address} refused the certificate in .*: it must be signed by a CA that the broker trusts`),
  },
  {
    given: "a client certificate with the key of another",
    env: way("mtls", () => ({ KAFKA_SSL_KEY_FILE: kafka.clients.stranger.keyFile })),
    says: sentence(`the certificates for ${address} do not fit .*check the files in .*KAFKA_SSL_KEY_FILE`),
  },
];

const protocols: Problem[] = [
  {
    given: "no TLS to a TLS port",
    env: way("none", at("tls")),
    says: sentence(`${address} speaks TLS: set KAFKA_SSL=true`),
  },
  {
    given: "a login without TLS to a TLS port",
    env: way("scram-sha-512", () => inTheClear),
    says: sentence(`${address} speaks TLS: set KAFKA_SSL=true`),
  },
  {
    given: "TLS to a port without it",
    env: way("tls", at("plaintext")),
    says: sentence(`${address} does not speak TLS: use the port of a TLS listener`),
  },
  {
    given: "a login with TLS to a port without it",
    env: way("plain", at("sasl")),
    says: sentence(`${address} does not speak TLS`),
  },
  {
    given: "a web server instead of a Kafka",
    env: () => ({ KAFKA_BROKERS: `127.0.0.1:${web.port}` }),
    says: sentence(`what answers at ${address} is not Kafka: correct the address`),
  },
  {
    given: "a broker by name that names itself by address",
    env: way("tls", () => ({ KAFKA_BROKERS: kafka.brokers("tls").replace("127.0.0.1", "localhost") })),
    says: sentence(`localhost:\\d+ \\(.*\\) answers, but names its brokers by address \\(${address}\\): write these`),
  },
];

const networks: Problem[] = [
  {
    given: "a name without an address",
    env: () => ({ KAFKA_BROKERS: "broker.invalid:9092" }),
    says: sentence("the name broker\\.invalid has no address: check KAFKA_BROKERS and this machine's DNS"),
  },
  {
    given: "a port where nothing listens",
    env: () => ({ KAFKA_BROKERS: "127.0.0.1:1" }),
    says: sentence("nothing listens at 127\\.0\\.0\\.1:1: start Kafka there, or correct the address"),
  },
  {
    given: "a port behind a firewall",
    env: () => blocked && { KAFKA_BROKERS: `127.0.0.1:${blocked.port}` },
    says: sentence(`${address} gives no answer: a firewall or security group may block this machine`),
  },
  {
    given: "a name that leads to an address of before",
    env: () => blocked && { KAFKA_BROKERS: `localhost:${blocked.port}` },
    says: sentence("localhost:\\d+ \\(127\\.0\\.0\\.1\\) gives no answer: .* may still lead to an address of before"),
  },
  {
    given: "a port that accepts and says nothing",
    env: () => ({ KAFKA_BROKERS: `127.0.0.1:${silent.port}` }),
    says: sentence(`${address} takes the connection and then says nothing`),
  },
  {
    given: "the same with TLS",
    env: way("tls", () => ({ KAFKA_BROKERS: `127.0.0.1:${silent.port}` })),
    says: sentence(`${address} takes the connection and then says nothing`),
  },
  {
    given: "a broker that names itself by an address that cannot be reached",
    env: way("none", at("lost")),
    says: sentence(`${address} answers, but names its brokers as 127\\.0\\.0\\.1:1, where nothing can be reached from`),
  },
  {
    given: "a password without TLS, and a broker that names itself as another machine",
    env: () => (ownAddress() ? { ...kafka.env("plain"), ...at("far")(), ...inTheClear } : null),
    says: sentence(`a broker is at ${ownAddress()}:\\d+, which is not this machine.*: set KAFKA_SSL=true`),
  },
  {
    given: "one broker that is away and one that refuses us",
    env: way("plain", () => ({
      KAFKA_BROKERS: `127.0.0.1:1,${kafka.brokers("sasl_tls")}`,
      KAFKA_SASL_PASSWORD: SECRET,
    })),
    says: sentence(`${address} refused the login of "owner"`),
  },
];

const rights: Problem[] = [
  {
    given: "no right to a topic",
    env: way("scram-sha-512", () => kafka.env("scram-sha-512", "stranger")),
    says: sentence(`the user "stranger" may not use the topics? .*events\\.raw.*: an administrator can grant it`),
  },
  {
    given: "the same with a client certificate",
    env: way("mtls", () => kafka.env("mtls", "stranger")),
    says: sentence("the certificate in .*client-stranger\\.crt may not use the topics? .*events\\.raw"),
  },
  {
    given: "no right to the consumer group",
    env: way("scram-sha-512", () => kafka.env("scram-sha-512", "materializer")),
    run: "kafka:materialize",
    says: /^materializer: Kafka: the user "materializer" may not use the consumer group t_\w+\.materializer-v1: an admin/,
  },
];

const aws: Problem[] = [
  {
    given: "no AWS credentials",
    env: iam({ AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined, HOME: "/nonexistent" }),
    says: sentence("there are no AWS credentials \\(.*\\): set AWS_PROFILE or AWS_ACCESS_KEY_ID"),
  },
  {
    given: "a metadata service that never answers",
    env: iam({
      AWS_ACCESS_KEY_ID: undefined,
      AWS_SECRET_ACCESS_KEY: undefined,
      HOME: "/nonexistent",
      AWS_EC2_METADATA_DISABLED: undefined,
      AWS_METADATA_SERVICE_TIMEOUT: "60000",
      AWS_EC2_METADATA_SERVICE_ENDPOINT: "SILENT",
    }),
    says: sentence("there are no AWS credentials \\(.*\\): set AWS_PROFILE or AWS_ACCESS_KEY_ID"),
  },
  {
    given: "AWS credentials that the cluster refuses",
    env: iam({ AWS_SECRET_ACCESS_KEY: SECRET }),
    says: sentence(`${address} refused the AWS token \\(Access denied\\): the identity needs kafka-cluster:Connect`),
  },
  {
    given: "a clock that is an hour late",
    env: clockOff(-3_600_000),
    says: sentence(
      `${address} refused the AWS token because of its time: set this machine's clock right \\(it says 20`,
    ),
  },
  {
    given: "a clock that is an hour early",
    env: clockOff(3_600_000),
    says: sentence(`${address} refused the AWS token because of its time: set this machine's clock right`),
  },
];

/** All rights to the topics of this test, none to its groups. */
function grantTopics(user: User): Promise<void> {
  const { KAFKA_TOPIC_PREFIX: prefix = "" } = world.env;
  const names = world.app.registry.topics.map(({ name }) => prefix + name);
  return grant(kafka, user, { topics: names, operations: ["read", "write", "describe"] });
}

describe.skipIf(absent !== null)("what is said when Kafka cannot be used", () => {
  beforeAll(async () => {
    kafka = await securedKafka();
    world = await createTestApp(kafka.env("none"));
    silent = await listenWith(() => {});
    web = await listenWith((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    blocked = await blockedPort();
    await grantTopics("materializer");
  }, TEST_MS);

  afterAll(async () => {
    await killLeftCommands();
    await Promise.all([world, silent, web, blocked].map((one) => one?.[Symbol.asyncDispose]()));
  }, TEST_MS);

  for (const [title, problems] of Object.entries({ logins, certificates, protocols, networks, rights, aws })) {
    describe(title, () => {
      for (const { given, env, says, run = "router --once" } of problems) {
        test.concurrent(
          `given ${given}, when "${run}" starts, then it ends soon, with one sentence that says what to do`,
          async () => {
            const wrong = env();
            if (!wrong) return console.warn(`not tried: ${given} (this machine cannot make it)`);
            const found = Object.entries(wrong).map(([name, value]) => [
              name,
              value === "SILENT" ? `http://127.0.0.1:${silent.port}` : value,
            ]);
            const { DATABASE_URL, KAFKA_TOPIC_PREFIX, STREAM_HOME } = world.env;
            const complete = { DATABASE_URL, KAFKA_TOPIC_PREFIX, STREAM_HOME, ...Object.fromEntries(found) };
            const ended = await turn(() => runCommand(run.split(" "), complete, { withinMs: 3 * BOUND_MS }));
            expect(ended.stderr.trimEnd().split("\n").at(-1)).toMatch(says);
            expect(ended.code).toBe(1);
            expect(ended.ms).toBeLessThan(BOUND_MS);
            for (const secret of [SECRET, kafka.passwords.owner, kafka.passwords.stranger, kafka.aws.secretKey]) {
              expect(ended.stdout + ended.stderr).not.toContain(secret);
            }
          },
          TEST_MS,
        );
      }
    });
  }

  test.each(["plain", "scram-sha-512"] as const)(
    "given a tunnel to a broker that names itself as another machine, when %s would log in there, then nothing of the login is sent",
    async (auth) => {
      const host = ownAddress();
      if (!host) return console.warn("not tried: a login in the clear (this machine is in no network)");
      const port = Number(kafka.brokers("far").split(":")[1]);
      const heard: Buffer[][] = [];
      const forward = (socket: Socket) => {
        const chunks: Buffer[] = [];
        heard.push(chunks);
        socket.on("data", (chunk: Buffer) => chunks.push(chunk));
        const broker = connect(port, "127.0.0.1").on("error", () => {});
        socket.pipe(broker).pipe(socket);
      };
      await using _machine = await listenWith(forward, { host, port });
      const { KAFKA_TOPIC_PREFIX } = world.env;
      const env = { ...kafka.env(auth), ...at("far")(), ...inTheClear, KAFKA_TOPIC_PREFIX };
      const log = createKafkaLog(loadConfig(env, "/").kafka, silentLogger);
      const problem = await log.endOffsets(["events.raw"]).catch((error) => error);
      await log.close();
      const asked = heard.flatMap((chunks) => apiKeysIn(Buffer.concat(chunks)));
      expect(asked.length).toBeGreaterThan(0);
      expect(asked).not.toContain(SASL_AUTHENTICATE);
      expect(problem).toBeInstanceOf(RefusedError);
      expect(problem.message).toMatch(/^Kafka: a broker is at .* which is not this machine/);
    },
    TEST_MS,
  );

  test(
    "given another cluster than before at the address, when a stage starts, then it says so and goes on",
    async () => {
      await world.app.store.forwarding.noteIdentity({
        clusterId: "of-before",
        topicIds: new Map([["events.raw", "x"]]),
        flowFrom: new Map(),
      });
      const ended = await runCommand(["router", "--once"], { ...world.env, LOG_LEVEL: "warn" });
      expect(ended.stderr).toMatch(/is another cluster \(\S+\) than the ledger was sent to \(of-before\)/);
      expect(ended.code).toBe(0);
    },
    TEST_MS,
  );
});
