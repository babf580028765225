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
