/** What a real broker on loopback does not say; the rest is in test/problems/kafka.slow.ts. */
import { afterEach, describe, expect, setSystemTime, test } from "bun:test";
import { MultipleErrors, NetworkError, ProtocolError, ResponseError, UserError } from "@platformatic/kafka";
import { loadConfig } from "../../config.ts";
import { DataError, EnvironmentError, RefusedError } from "../../engine/errors.ts";
import { TokenRefusedError } from "./aws-token.ts";
import { classifyKafka } from "./errors.ts";
import { type Attempt, problemOf } from "./problems.ts";

const iam = { KAFKA_AUTH_METHOD: "aws-iam", AWS_REGION: "eu-central-1", KAFKA_BROKERS: "b-1.example:9198" };
const attempt = (env: Record<string, string> = { KAFKA_BROKERS: "b-1.example:9092" }): Attempt => ({
  config: loadConfig(env, "/").kafka,
});
/** As the client throws it: what matters lies under what does not. */
const buried = (cause: Error) =>
  new MultipleErrors("metadata failed 3 times.", [
    new NetworkError("Connection to b-2.example:9198 failed.", { cause }),
    new NetworkError("Connection closed"),
  ]);

afterEach(() => void setSystemTime());

describe("problemOf", () => {
  test.each([
    ["an expired certificate", Object.assign(new Error("expired"), { code: "CERT_HAS_EXPIRED" })],
    ["a clock that is wrong", new ProtocolError("SASL_AUTHENTICATION_FAILED", "Signature expired: 20260101T000000Z")],
  ])("given %s, when tried again seconds later, then the sentence is the same and is not told anew", (_, error) => {
    const says = (seconds: number) => {
      setSystemTime(new Date(Date.UTC(2026, 10, 24, 3, 43, seconds)));
      return problemOf(error, attempt(iam)).sentence;
    };
    expect(says(1)).toContain("2026-11-24");
    expect(says(29)).toBe(says(1));
  });

  test.each([
    ["Signature not yet current: 20260101T000000Z is still later than 20251231T230000Z", "aws_clock"],
    ["Signature expired: 20260101T000000Z is now earlier than 20260101T010000Z", "aws_clock"],
    ["[0f3a]: Too many connects", "login_throttled"],
    ["[0f3a]: Access denied", "login_refused"],
  ])("given a cluster of Amazon that answers %p, when named, then it is %s", (words, kind) => {
    const error = buried(new ProtocolError("SASL_AUTHENTICATION_FAILED", words));
    expect(problemOf(error, attempt(iam)).kind).toBe(kind as "aws_clock");
  });

  test("given too many logins at once, when named, then it passes by itself, unlike a refused token", () => {
    const throttled = problemOf(buried(new TokenRefusedError("Too many connects")), attempt(iam));
    expect(throttled).toMatchObject({ kind: "login_throttled", needsPerson: false });
    const refused = problemOf(buried(new TokenRefusedError("Access denied")), attempt(iam));
    expect(refused).toMatchObject({ kind: "aws_refused", needsPerson: true });
    expect(refused.sentence).toStartWith("b-2.example:9198 refused the AWS token (Access denied): ");
  });

  test("given a connection lost while records flow, when named, then it passes by itself", () => {
    const lost = new NetworkError("Connection closed");
    expect(problemOf(lost, attempt())).toMatchObject({ kind: "connection_lost", needsPerson: false });
    const slow = new NetworkError("Request timed out");
    expect(problemOf(slow, attempt())).toMatchObject({ kind: "no_answer", needsPerson: false });
  });

  test("given a producer that may write nowhere, when named, then its topic is", () => {
    const refused = new ResponseError(22, 5, { "/": [31, null] }, {});
    const { kind, sentence } = problemOf(refused, { ...attempt(), topics: ["events.raw"] });
    expect(kind).toBe("topic_rights");
    expect(sentence).toStartWith("a client without a login may not use the topic events.raw: ");
  });

  test("given a client certificate that Node says was refused, when named, then it is", () => {
    const alert = new Error("0A000412:SSL routines:ssl3_read_bytes:ssl/tls alert bad certificate:SSL alert number 42");
    expect(problemOf(alert, attempt()).kind).toBe("client_certificate");
  });

  test.each([
    ["UNKNOWN_TOPIC_OR_PARTITION", "topic_missing", 'Kafka lacks the topic events.raw: run "npm run kafka:init"'],
    ["KAFKA_STORAGE_ERROR", "broker_disk", "the disk of b-2.example:9198 is full or broken: make room there"],
    ["NOT_ENOUGH_REPLICAS", "too_few_replicas", "too few brokers are up to keep the topic events.raw safe"],
  ] as const)(
    "given a broker that answers %s, when named, then what to do is said, and that it passes by itself",
    (id, kind, says) => {
      const named = problemOf(buried(new ProtocolError(id)), { ...attempt(), topics: ["events.raw"] });
      expect(named).toMatchObject({ kind, needsPerson: false });
      expect(named.sentence).toStartWith(says);
    },
  );

  test("given a client that names one of several topics as missing, when named, then it is that one", () => {
    const missing = new UserError("Unknown topic work.dead_letter.");
    const named = problemOf(missing, { ...attempt(), topics: ["work.dead_letter", "work.fetch_link"] });
    expect(named).toEqual({
      kind: "topic_missing",
      sentence: 'Kafka lacks the topic work.dead_letter: run "npm run kafka:init"',
      needsPerson: false,
    });
  });

  test("given something new, when named, then its innermost message is told, one line of it", () => {
    const error = new Error("outer", { cause: new Error("the moon is full\n    at somewhere") });
    expect(problemOf(error, attempt())).toEqual({ kind: "other", sentence: "the moon is full", needsPerson: false });
  });
});

describe("classifyKafka", () => {
  test("given what a person must mend, when classified, then it is waited for with longer pauses", () => {
    const denied = classifyKafka(new ProtocolError("TOPIC_AUTHORIZATION_FAILED"), attempt());
    expect(denied).toBeInstanceOf(RefusedError);
    const lost = classifyKafka(new NetworkError("Connection closed"), attempt());
    expect(lost).toBeInstanceOf(EnvironmentError);
    expect(lost).not.toBeInstanceOf(RefusedError);
  });

  test("given a record that is too large, when classified, then it is the record's fault", () => {
    expect(classifyKafka(new ProtocolError("MESSAGE_TOO_LARGE"), attempt())).toBeInstanceOf(DataError);
  });

  test("given the store's error amid the client's work, when classified, then it stays the store's", () => {
    const away = new EnvironmentError("Postgres cannot be reached");
    expect(classifyKafka(away, attempt())).toBe(away);
  });
});
