/** Processes as a supervisor and Prometheus see them: a stage with its probes, and the page alone. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { choosePort } from "../../src/stack/ports.ts";
import { killLeftCommands, runCommand, startCommand } from "../support/commands.ts";
import { createTestApp, type TestApp, until } from "../support/test-app.ts";

let world: TestApp;
beforeAll(async () => {
  world = await createTestApp();
}, 60_000);
afterAll(async () => {
  await killLeftCommands();
  await world[Symbol.asyncDispose]();
}, 60_000);

const freePort = async () => String(await choosePort(undefined, ""));
const answers = (url: string, headers: Record<string, string> = {}) =>
  fetch(url, { headers }).then(
    async (response) => ({ status: response.status, body: await response.text() }),
    () => ({ status: 0, body: "" }),
  );

test("given a health port, when a stage runs, then it tells that it lives, reads and what it did; unset, it tells nobody", async () => {
  const port = await freePort();
  const at = (path: string) => answers(`http://127.0.0.1:${port}${path}`);
  const router = startCommand(["router"], { ...world.env, STREAM_HEALTH_PORT: port });
  await until(async () => (await at("/metrics")).body.includes('stream_group_reading{stage="router"} 1'));
  expect(await at("/healthz")).toEqual({ status: 200, body: '{"alive":true}' });
  const { status, body } = await at("/readyz");
  expect([status, JSON.parse(body)]).toEqual([200, { ready: true, postgres: "ok", kafka: "ok", loops: "ok" }]);
  const metrics = (await at("/metrics")).body;
  expect(metrics).toContain('stream_lease_held{lease="dispatcher"} 1');
  // Lag and the like would be the same numbers from every process.
  expect(metrics).not.toContain("stream_outbox_events");
  expect((await at("/status")).status).toBe(404);
  expect((await router.stop()).code).toBe(0);
  expect((await at("/healthz")).status).toBe(0);
}, 60_000);

test("given configured servers, when the page runs alone, then it answers, measures and stops cleanly", async () => {
  const web = startCommand(["web"], world.env);
  const [, url = ""] = await web.said(/^ready {6}(http:\/\/127\.0\.0\.1:\d+)$/m);
  expect((await answers(`${url}/`)).status).toBe(200);
  expect((await answers(`${url}/readyz`)).status).toBe(200);
  expect((await answers(`${url}/metrics`)).body).toContain("stream_postgres_up 1");
  expect((await answers(`${url}/`, { host: "evil.example.com" })).status).toBe(421);
  expect((await web.stop()).code).toBe(0);
}, 60_000);

test("given a host beyond this machine, when no names are allowed, then one sentence says what to set", async () => {
  const { code, stderr } = await runCommand(["web"], { ...world.env, STREAM_WEB_HOST: "0.0.0.0" });
  expect([code, stderr.trim().split("\n").length]).toEqual([1, 1]);
  expect(stderr).toStartWith(
    "STREAM_WEB_HOST=0.0.0.0 opens the page beyond this machine: set STREAM_WEB_ALLOWED_HOSTS",
  );
}, 30_000);

test("given names that are allowed, when the page is open, then it says so and answers under them only", async () => {
  const names = { STREAM_WEB_HOST: "0.0.0.0", STREAM_WEB_ALLOWED_HOSTS: "stream.example.net" };
  const web = startCommand(["web"], { ...world.env, ...names });
  const [, url = ""] = await web.said(/^ready {6}(\S+)$/m);
  expect((await answers(`${url}/healthz`, { host: "stream.example.net" })).status).toBe(200);
  expect((await answers(`${url}/healthz`, { host: "other.example.net" })).status).toBe(421);
  const { stdout } = await web.stop();
  expect(stdout).toContain("open       0.0.0.0 as stream.example.net: pages, forms and /metrics without a password");
}, 60_000);

test.each([
  ["STREAM_WEB_HOST", "example.net", "must be an IP address of this machine"],
  ["STREAM_HEALTH_PORT", "0", "STREAM_HEALTH_PORT"],
  ["OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318", "OTEL_EXPORTER_OTLP_ENDPOINT"],
])(
  "given %s=%s, when a command starts, then it is refused in words",
  async (name, value, words) => {
    const { code, stderr } = await runCommand(["web"], { ...world.env, [name]: value });
    expect([code, stderr]).toEqual([1, expect.stringContaining(words)]);
  },
  30_000,
);
