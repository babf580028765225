import { describe, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { stripVTControlCharacters } from "node:util";
import { z } from "zod";
import { domains } from "../app.ts";
import { loadConfig } from "../config.ts";
import type { Agent } from "../engine/agent.ts";
import type { Domain } from "../engine/domain.ts";
import { createRegistry } from "../engine/registry.ts";
import { defineWork } from "../engine/work.ts";
import { grantsFor, rolesOf } from "../pipeline/roles.ts";
import { accessCommands, accessTable } from "./access-report.ts";

const PREFIXES = { topicPrefix: "", principalPrefix: "stream-" };

function anAgent(name: string, group: string): Agent<never> {
  const handles = defineWork({ type: `${name}_work`, payload: z.object({}) });
  return { name, group, handles, concurrency: 1, timeoutMs: 1_000, run: async () => [] } as unknown as Agent<never>;
}

const registryWith = (...agents: Agent<never>[]) => {
  const coffee: Domain = { name: "coffee", events: [], agents };
  return createRegistry([...domains(loadConfig({}, "/")), coffee]);
};

describe("given a domain that brings an agent", () => {
  const roles = rolesOf(registryWith(anAgent("barista", "barista-v1")));
  const rightsOf = (name: string) => roles.find((role) => role.name === name)?.rights ?? [];

  test("then the agent has its work topic and group to read, and no more", () => {
    expect(rightsOf("barista")).toEqual([
      { kind: "topic", name: "work.barista_work", operation: "read" },
      { kind: "group", name: "barista-v1", operation: "read" },
    ]);
  });

  test("then the router may write its work, the relay and the reader may see it, and the administrator has it to look after", () => {
    const topic = { kind: "topic", name: "work.barista_work" } as const;

    expect(rightsOf("router")).toContainEqual({ ...topic, operation: "write" });
    expect(rightsOf("relay")).toContainEqual({ ...topic, operation: "describe" });
    expect(rightsOf("reader")).toContainEqual({ ...topic, operation: "describe" });
    expect(rightsOf("admin")).toContainEqual({ ...topic, operation: "create" });
  });

  test("then nobody has a right on the cluster, and only the relay may write events", () => {
    const writers = roles.filter(({ rights }) =>
      rights.some(({ name, operation }) => name === "events.raw" && operation === "write"),
    );

    expect(new Set(roles.flatMap(({ rights }) => rights.map(({ kind }) => kind)))).toEqual(new Set(["topic", "group"]));
    expect(writers.map(({ name }) => name)).toEqual(["relay"]);
  });
});

test("given an agent that is called like a stage, then that is refused: their rights would be one", () => {
  expect(() => rolesOf(registryWith(anAgent("router", "another")))).toThrow(
    'the agent "router" has the name of a stage',
  );
});

test("given a prefix, then it goes before topics and groups, and the other before logins", () => {
  const registry = registryWith(anAgent("barista", "barista-v1"));
  const grants = grantsFor(rolesOf(registry), { topicPrefix: "life.", principalPrefix: "" });
  const commands = accessCommands(grants, "kafka:9093").split("\n");

  expect(commands).toContain(
    "kafka-acls.sh --bootstrap-server kafka:9093 --command-config admin.properties --add --allow-principal User:barista --operation Read --group life.barista-v1",
  );
  expect(commands.find((line) => line.includes("User:admin"))).toContain(
    "--operation Create --operation Delete --operation Alter --operation AlterConfigs --topic life.events.raw --topic",
  );
});

test("the page about rights shows what kafka:init --acls --dry-run prints", async () => {
  const config = loadConfig({}, "/");
  const agents = ["fetcher", "enricher", "publisher"].map((name) => {
    const type = { fetcher: "fetch_link", enricher: "enrich_link", publisher: "publish_link" }[name] ?? "";
    return { ...anAgent(name, `${name}-agent-v2`), handles: defineWork({ type, payload: z.object({}) }) };
  });
  const roles = rolesOf(createRegistry(domains(config, agents as unknown as Agent<never>[])));
  const page = await readFile(new URL("../../docs/least-rights.md", import.meta.url), "utf8");

  expect(page).toContain(`\n${stripVTControlCharacters(accessTable(roles, PREFIXES))}\n`);
});
