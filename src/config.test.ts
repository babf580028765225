import { expect, test } from "bun:test";
import { loadConfig } from "./config.ts";

test("given nothing, when loaded, then the defaults keep everything at home and private", () => {
  const config = loadConfig({}, "/srv/app");
  expect(config).toMatchObject({
    home: "/srv/app/.stream",
    defaultVisibility: "private",
    kafka: { brokers: [], auth: "none", ssl: false },
  });
});

test("given several mistakes, when loaded, then one sentence names them all and no value", () => {
  const load = () =>
    loadConfig({ DATABASE_URL: "mysql://u:canary@h/d", KAFKA_AUTH_METHOD: "magic", STREAM_WEB_PORT: "70000" }, "/");
  expect(load).toThrow(/DATABASE_URL.*KAFKA_AUTH_METHOD.*STREAM_WEB_PORT/);
  expect(load).not.toThrow(/canary/);
});

test("given an empty variable, when loaded, then it counts as unset", () => {
  expect(loadConfig({ DATABASE_URL: "", KAFKA_BROKERS: "" }, "/").databaseUrl).toBeUndefined();
});

test("given a password for a broker elsewhere without TLS, when loaded, then it is refused", () => {
  const login = { KAFKA_AUTH_METHOD: "scram-sha-512", KAFKA_SASL_USERNAME: "u", KAFKA_SASL_PASSWORD: "p" };
  expect(() => loadConfig({ ...login, KAFKA_BROKERS: "kafka.example:9092" }, "/")).toThrow(/in the clear/);
  expect(() => loadConfig({ ...login, KAFKA_BROKERS: "127.0.0.1:9092" }, "/")).not.toThrow();
  expect(() => loadConfig({ ...login, KAFKA_BROKERS: "kafka.example:9093", KAFKA_SSL: "true" }, "/")).not.toThrow();
});

test("given aws-iam, when loaded, then TLS is on, and off only towards this machine", () => {
  const iam = { KAFKA_AUTH_METHOD: "aws-iam", AWS_REGION: "eu-central-1" };
  expect(loadConfig({ ...iam, KAFKA_BROKERS: "b-1.example:9198" }, "/").kafka.ssl).toBe(true);
  const clear = { ...iam, KAFKA_SSL: "false" };
  expect(() => loadConfig({ ...clear, KAFKA_BROKERS: "b-1.example:9198" }, "/")).toThrow(/a token is not sent to b-1/);
  expect(loadConfig({ ...clear, KAFKA_BROKERS: "127.0.0.1:9198" }, "/").kafka.ssl).toBe(false);
  expect(() => loadConfig({ KAFKA_AUTH_METHOD: "aws-iam" }, "/")).toThrow(/needs AWS_REGION/);
});

test("given certificate files that make no sense, when loaded, then it says why", () => {
  expect(() => loadConfig({ KAFKA_SSL_CA_FILE: "/ca.pem" }, "/")).toThrow(/KAFKA_SSL_CA_FILE needs KAFKA_SSL=true/);
  const half = { KAFKA_SSL: "true", KAFKA_SSL_CERT_FILE: "/client.pem" };
  expect(() => loadConfig(half, "/")).toThrow(/KAFKA_SSL_CERT_FILE and KAFKA_SSL_KEY_FILE are needed together/);
});

test("given no word on where the page listens, when configured, then it is this machine alone", () => {
  expect(loadConfig({}, "/").web.host).toBe("127.0.0.1");
});
