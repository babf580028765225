import { expect, test } from "bun:test";
import { startProbeServer } from "./server.ts";
import { PORT, testWeb } from "./testing.ts";

test("given Postgres is away, when readiness is asked, then 503 says which, and not where or why", async () => {
  const postgres = "connect ECONNREFUSED 10.0.0.5:5432";
  const web = testWeb({ ready: async () => ({ postgres, kafka: null, loops: "relay made no pass for 61 s" }) });
  const response = await web.request("/readyz");
  expect(response.status).toBe(503);
  expect(await response.json()).toEqual({
    ready: false,
    postgres: "does not answer",
    kafka: "ok",
    loops: "relay made no pass for 61 s",
  });
});

test("given a stage's own server, when asked by any name, then it answers probes and metrics and nothing else", async () => {
  const ready = async () => ({ postgres: null, kafka: null, loops: null });
  const server = await startProbeServer({ ready, metrics: async () => "stream_x 1\n", port: undefined });
  const ask = (path: string) => fetch(server.url + path, { headers: { host: "10.1.2.3:9100" } });
  try {
    expect((await ask("/healthz")).status).toBe(200);
    expect((await ask("/readyz")).status).toBe(200);
    const metrics = await ask("/metrics");
    expect(metrics.headers.get("content-type")).toStartWith("text/plain; version=0.0.4");
    expect(await metrics.text()).toBe("stream_x 1\n");
    for (const path of ["/", "/status", "/api/status"]) expect((await ask(path)).status).toBe(404);
  } finally {
    await server.close();
  }
});

test("given a taken port, when a stage's server starts, then one sentence says so", async () => {
  const ready = async () => ({ postgres: null, kafka: null, loops: null });
  const first = await startProbeServer({ ready, port: undefined });
  const port = Number(new URL(first.url).port);
  await expect(startProbeServer({ ready, port })).rejects.toThrow(
    `port ${port} for health checks is taken: free it, or set STREAM_HEALTH_PORT to another`,
  );
  await first.close();
});

test.each([
  ["stream.example.net", 200],
  [`STREAM.example.net:${PORT}`, 200],
  ["10.0.0.5:9999", 200],
  [`127.0.0.1:${PORT}`, 200],
  ["stream.example.net:1234", 421],
  ["10.0.0.5", 421],
  ["stream.example.net.evil.com", 421],
  ["evil.com", 421],
])("given names that were allowed, when asked as %p, then it answers %p", async (host, status) => {
  const web = testWeb({ allowedHosts: ["stream.example.net", "10.0.0.5:9999"] });
  expect((await web.request("/healthz", { headers: { host } })).status).toBe(status);
});
