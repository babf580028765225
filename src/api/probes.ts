import type { Hono } from "hono";

/** Whether each server answers and the loops live: null, or what is wrong. */
export interface Readiness {
  readonly postgres: string | null;
  readonly kafka: string | null;
  readonly loops: string | null;
}

/** What supervisors and Prometheus ask of a process. The answers hold no address, no name of a subject, no secret. */
export interface Probes {
  readonly ready: () => Promise<Readiness>;
  /** In Prometheus' text format; absent where nothing is measured. */
  readonly metrics?: () => Promise<string>;
}

const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** `/healthz`: the process answers. `/readyz`: it can do its work (503 if not). `/metrics`: what it measures. */
export function mountProbes(app: Hono, { ready, metrics }: Probes): void {
  app.get("/healthz", (c) => c.json({ alive: true }));
  app.get("/readyz", async (c) => {
    const { postgres, kafka, loops } = await ready();
    const answers = (problem: string | null) => (problem === null ? "ok" : "does not answer");
    const all = postgres === null && kafka === null && loops === null;
    const body = { ready: all, postgres: answers(postgres), kafka: answers(kafka), loops: loops ?? "ok" };
    return c.json(body, all ? 200 : 503);
  });
  if (metrics) app.get("/metrics", async (c) => c.body(await metrics(), 200, { "Content-Type": METRICS_TYPE }));
}
