import { expect, test } from "bun:test";
import { loadConfig } from "../../config.ts";
import { clientOptions } from "./client-options.ts";

const kafka = (env: Record<string, string>) => loadConfig(env, "/").kafka;

test("given brokers by name, when options are made for TLS, then the name is sent; an address never is", () => {
  const named = kafka({ KAFKA_SSL: "true", KAFKA_BROKERS: "b-1.example:9094,b-2.example:9094" });
  expect(clientOptions(named)).toMatchObject({ tlsServerName: true });
  for (const brokers of ["127.0.0.1:9094", "[::1]:9094", "b-1.example:9094,10.0.0.7:9094"]) {
    expect(clientOptions(kafka({ KAFKA_SSL: "true", KAFKA_BROKERS: brokers }))).not.toHaveProperty("tlsServerName");
  }
});

test("given several brokers, when many clients are made, then they do not all begin with the same one", () => {
  const config = kafka({ KAFKA_BROKERS: "a:1,b:1,c:1" });
  const firsts = Array.from({ length: 100 }, () => clientOptions(config).bootstrapBrokers[0]);
  expect(new Set(firsts).size).toBe(3);
});

test("given clients that reconnect, when they wait, then not all for the same time", () => {
  const { retryDelay } = clientOptions(kafka({ KAFKA_BROKERS: "a:1" }));
  const waits = Array.from({ length: 100 }, () => (retryDelay as () => number)());
  expect(Math.min(...waits)).toBeGreaterThanOrEqual(150);
  expect(Math.max(...waits)).toBeLessThan(450);
  expect(new Set(waits).size).toBeGreaterThan(50);
});

test("given a certificate file that is none, when options are made, then it is named", () => {
  const env = { KAFKA_SSL: "true", KAFKA_SSL_CA_FILE: import.meta.path };
  expect(() => clientOptions(kafka(env))).toThrow(/KAFKA_SSL_CA_FILE: .* is no PEM file/);
  expect(() => clientOptions(kafka({ ...env, KAFKA_SSL_CA_FILE: "/nowhere.pem" }))).toThrow(
    "KAFKA_SSL_CA_FILE cannot be read: /nowhere.pem (ENOENT)",
  );
});
