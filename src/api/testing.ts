import { tmpdir } from "node:os";
import { join } from "node:path";
import { annotations } from "../domains/annotations/index.ts";
import { links } from "../domains/links/index.ts";
import { temperature } from "../domains/temperature/index.ts";
import { todos } from "../domains/todos/index.ts";
import type { StoredEvent } from "../engine/event.ts";
import type { DeskReport, FailureDesk } from "../engine/failures.ts";
import type { PipelineHealth } from "../engine/health.ts";
import { silentLogger } from "../engine/logger.ts";
import { createRegistry } from "../engine/registry.ts";
import type { Sql } from "../engine/store.ts";
import type { Scope } from "../engine/web/types.ts";
import { createServerApp } from "./app.ts";
import type { ServerDeps } from "./deps.ts";

/** The web application over a ledger in memory, for tests: no port, no Postgres. */
export interface TestWeb {
  readonly ledger: Map<string, StoredEvent>;
  /** A request as a program on this machine sends it; headers and host may be replaced. */
  request(path: string, init?: RequestInit): Promise<Response>;
  /** What the router knows, middleware left out: a route that is new is in it by itself. */
  readonly routes: readonly { readonly method: string; readonly path: string }[];
}

export const PORT = 8080;
const NOW = "2026-03-04T05:06:07.000Z";

/** Tokens are named after their scope: `Bearer capture` may capture. */
export function testWeb(overrides: Partial<ServerDeps> = {}): TestWeb {
  const ledger = new Map<string, StoredEvent>();
  const app = createServerApp({ ...testDeps(ledger), ...overrides }, () => PORT);
  return {
    ledger,
    routes: app.routes.flatMap(({ method, path }) => (method === "ALL" ? [] : { method, path })),
    async request(path, init = {}) {
      const headers = new Headers(init.headers);
      if (!headers.has("host")) headers.set("host", `127.0.0.1:${PORT}`);
      return app.request(`http://127.0.0.1:${PORT}${path}`, { ...init, headers });
    },
  };
}

/** What a server needs, over a ledger in memory. */
export function testDeps(ledger = new Map<string, StoredEvent>()): ServerDeps {
  return {
    registry: createRegistry([links({ defaultVisibility: "private", agents: [] }), todos, temperature, annotations]),
    reads: { read: (query) => query(emptyTables), history: async () => null },
    ingest: async (events) =>
      events.map((event) => {
        const id = event.id ?? crypto.randomUUID();
        const isNew = !ledger.has(id);
        if (isNew) ledger.set(id, { ...UNSET, ...event, id } as StoredEvent);
        return { id, subjectId: event.subjectId, isNew };
      }),
    findEvents: async (ids) => ids.flatMap((id) => ledger.get(id) ?? []),
    tokens: {
      verify: async (token) =>
        ["capture", "read", "admin"].includes(token) ? { name: token, scopes: [token as Scope] } : null,
    },
    health: async () => HEALTH,
    failures: NO_FAILURES,
    ready: async () => ({ postgres: null, kafka: null, loops: null }),
    corsOrigins: ["https://app.example.com"],
    siteDirectory: join(tmpdir(), "no-such-site"),
    now: () => new Date(NOW),
    logger: silentLogger,
  };
}

const NOTHING_DONE: DeskReport = { work: 0, records: 0, outlooks: [], already: 0, unchanged: [], skipped: [], left: 0 };

/** A desk at which nothing lies. */
export const NO_FAILURES: FailureDesk = {
  list: async () => ({ failures: [], total: 0, next: null }),
  show: async () => null,
  redrive: async () => NOTHING_DONE,
  discard: async () => NOTHING_DONE,
};

const UNSET = {
  occurredAt: NOW,
  receivedAt: NOW,
  correlationId: null,
  causationId: null,
  schemaVersion: 1,
  position: 1,
};

/** Every query finds nothing. */
const emptyTables = (() => []) as unknown as Sql;

/** A pipeline with nothing to do. */
export const HEALTH: PipelineHealth = {
  at: NOW,
  servers: {
    postgres: "127.0.0.1:5432/life",
    pooler: false,
    transport: { kind: "kafka", why: "KAFKA_BROKERS names it" },
    kafka: ["127.0.0.1:9092"],
    kafkaProblem: null,
  },
  ledger: { events: 0, exact: true, unpublished: 0, oldestUnpublishedAt: null, flowedAnew: { total: 0, latest: [] } },
  stages: [{ stage: "router", group: "router-v1", topics: ["events.raw"], lag: 0, movedAt: null }],
  work: [],
  resent: { total: 0, latest: [] },
  deadWork: { total: 0, latest: [] },
  deadRecords: { total: 0, latest: [] },
  tooNew: { total: 0, latest: [] },
  parked: { total: 0, latest: [] },
  leases: [],
};
