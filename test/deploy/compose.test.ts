import { describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkWebHost } from "../../src/cli/web-server.ts";
import { loadConfig } from "../../src/config.ts";
import { readYaml, root, serviceCommands, variables } from "./files.ts";

interface Service {
  image: string;
  build?: unknown;
  command?: string[];
  user?: string;
  read_only?: boolean;
  cap_drop?: string[];
  security_opt?: string[];
  restart?: string;
  environment?: Record<string, string>;
  ports?: string[];
  volumes?: string[];
  networks?: string[];
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: { disable?: boolean; test?: string[] };
  stop_grace_period?: string;
  deploy?: { resources?: { limits?: Record<string, unknown> } };
}

interface Compose {
  services: Record<string, Service>;
  volumes: Record<string, unknown>;
  networks: Record<string, { internal?: boolean } | null>;
  secrets: Record<string, { file: string }>;
}

const compose = readYaml<Compose>("compose.yaml");
const services = Object.entries(compose.services);
const ours = services.filter(([, service]) => service.build);
const stages = ours.filter(([, service]) => service.restart !== "no");

describe("compose.yaml", () => {
  test("has a service for every stage, and nothing but our commands", () => {
    const commands = stages.map(([, service]) => service.command?.join(" ") ?? "");
    expect(commands.sort()).toEqual([...serviceCommands].sort());
  });

  test("names only variables that the program reads", () => {
    const unknown = ours.flatMap(([name, { environment = {} }]) =>
      Object.keys(environment)
        .filter((variable) => !variables.has(variable))
        .map((variable) => `${name}: ${variable}`),
    );
    expect(unknown).toEqual([]);
  });

  test("gives each of our services a configuration that the program accepts, on an empty .env", () => {
    const folder = mkdtempSync(join(tmpdir(), "stream-compose-"));
    try {
      execFileSync(process.execPath, ["--no-env-file", join(root, "deploy/docker/first-password.ts"), folder]);
      for (const [name, { environment = {} }] of ours) {
        const values = Object.entries(environment).map(([key, value]) => [key, interpolate(value)]);
        const env = { ...Object.fromEntries(values), DATABASE_URL_FILE: join(folder, "database-url") };
        const config = loadConfig(env, folder);
        if (name === "web") checkWebHost(config);
        expect(config.databaseUrl).toMatch(/^postgres:\/\/stream:[\w-]{32}@postgres:5432\/stream$/);
        expect(config.llm.apiKey).toBeUndefined();
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("keeps the password that was made the first time", () => {
    const folder = mkdtempSync(join(tmpdir(), "stream-compose-"));
    try {
      const run = () => {
        execFileSync(process.execPath, ["--no-env-file", join(root, "deploy/docker/first-password.ts"), folder]);
        return readFileSync(join(folder, "database-url"), "utf8");
      };
      expect(run()).toBe(run());
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("publishes ports on this machine's loopback only", () => {
    const ports = services.flatMap(([, service]) => service.ports ?? []);
    expect(ports.length).toBeGreaterThan(0);
    expect(ports.filter((port) => !port.startsWith("127.0.0.1:"))).toEqual([]);
  });

  test.each(services)("%s is limited, without root and without privileges", (name, service) => {
    expect(service.user).toMatch(/^(?!0\b|root\b)\S+$/);
    expect(service.cap_drop).toEqual(["ALL"]);
    expect(service.security_opt).toEqual(["no-new-privileges:true"]);
    expect(Object.keys(service.deploy?.resources?.limits ?? {}).sort()).toEqual(["cpus", "memory", "pids"]);
    // Kafka's image writes its settings beside its programs.
    expect(service.read_only).toBe(name !== "kafka");
  });

  test.each(services)("%s has a health check, or runs once", (_, service) => {
    if (service.restart === "no") expect(service.healthcheck?.disable).toBe(true);
    else expect(service.healthcheck?.test?.[0]).toBe("CMD");
  });

  test.each(stages)("%s starts after schema and topics, and has time to drain", (_, service) => {
    expect(service.depends_on?.init?.condition).toBe("service_completed_successfully");
    expect(Number.parseInt(service.stop_grace_period ?? "0", 10) * 1000).toBeGreaterThan(
      loadConfig({}, "/").drainTimeoutMs,
    );
  });

  test("waits for healthy servers before it makes schema and topics", () => {
    expect(compose.services.init?.depends_on).toEqual({
      postgres: { condition: "service_healthy" },
      kafka: { condition: "service_healthy" },
    });
  });

  test("has secrets in files, never in the environment", () => {
    const set = services.flatMap(([, { environment = {} }]) => Object.entries(environment));
    const secret = set.filter(([name]) => /PASSWORD|SECRET|_KEY|^DATABASE_URL/.test(name));
    expect(secret.length).toBeGreaterThan(0);
    expect(secret.filter(([name]) => !name.endsWith("_FILE"))).toEqual([]);
  });

  test("lets out only who has to: the servers have no way to the internet", () => {
    expect(compose.networks.inside?.internal).toBe(true);
    const outside = services.filter(([, { networks }]) => networks?.includes("outside")).map(([name]) => name);
    expect(outside.sort()).toEqual(["enricher", "fetcher", "grafana", "prometheus", "web"]);
  });

  test("lets one service write the site, and only its owners the rest", () => {
    const writers = services.filter(([, { volumes }]) => volumes?.includes("site:/data/site")).map(([name]) => name);
    expect(writers).toEqual(["init", "publisher"]);
  });

  test("mounts files and volumes that exist", () => {
    const sources = services.flatMap(([, { volumes = [] }]) => volumes.map((volume) => volume.split(":")[0] ?? ""));
    const missing = sources.filter((source) =>
      source.startsWith("./") ? !existsSync(join(root, source)) : !(source in compose.volumes),
    );
    expect(missing).toEqual([]);
  });

  test("pins every image of others by digest", () => {
    const images = services.filter(([, { build }]) => !build).map(([, { image }]) => image);
    expect(images.filter((image) => !/^[\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}$/.test(image))).toEqual([]);
  });
});

describe("the Prometheus beside it", () => {
  test("asks every service of ours", () => {
    const { scrape_configs } = readYaml<{
      scrape_configs: { static_configs: { targets: string[] }[]; dns_sd_configs: { names: string[] }[] }[];
    }>("deploy/docker/prometheus.yml");
    const asked = scrape_configs.flatMap((config) => [
      ...config.static_configs.flatMap(({ targets }) => targets.map((target) => target.split(":")[0] ?? "")),
      ...config.dns_sd_configs.flatMap(({ names }) => names),
    ]);
    expect(asked.sort()).toEqual(stages.map(([name]) => name).sort());
  });
});

/** Compose's own interpolation with nothing set: `${A:-default}`, `${A:+value}`, also one within the other. */
function interpolate(text: string): string {
  const inner = /\$\{\w+(?::([-+])([^${}]*))?\}/;
  for (let value = text; ; ) {
    const found = inner.exec(value);
    if (!found) return value;
    value = value.replace(found[0], found[1] === "-" ? (found[2] ?? "") : "");
  }
}
