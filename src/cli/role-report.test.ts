import { describe, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { stripVTControlCharacters } from "node:util";
import { z } from "zod";
import { coreMigrations, tablesIn } from "../adapters/postgres/migrate.ts";
import { databaseRoles } from "../adapters/postgres/roles.ts";
import { rightsOf } from "../adapters/postgres/roles-plan.ts";
import { domains } from "../app.ts";
import { loadConfig } from "../config.ts";
import { createEnricher } from "../domains/links/agents/enricher.ts";
import { createFetcher } from "../domains/links/agents/fetcher.ts";
import { createPublisher } from "../domains/links/agents/publisher.ts";
import type { Agent } from "../engine/agent.ts";
import type { Domain } from "../engine/domain.ts";
import { createRegistry } from "../engine/registry.ts";
import { defineWork } from "../engine/work.ts";
import { rolesTable } from "./role-report.ts";

const config = loadConfig({}, "/");
const nothing = {} as never;
const agents = [
  createFetcher({ pages: nothing, extractor: nothing }),
  createEnricher({ ledger: nothing, enricher: nothing }),
  createPublisher({ ledger: nothing, site: nothing, defaultVisibility: "private" }),
] as unknown as Agent<never>[];

async function rolesWith(more: readonly Domain[] = [], embedded = false) {
  const registry = createRegistry([...domains(config, agents), ...more]);
  return databaseRoles({ registry, tables: tablesIn(await coreMigrations()), embedded });
}

const coffee = (agent: string): Domain => {
  const handles = defineWork({ type: "brew", payload: z.object({}) });
  const barista = { name: agent, group: "g", handles, concurrency: 1, timeoutMs: 1, run: async () => [] };
  const cups = { name: "cups", tables: ["cups"], handlers: [] };
  return { name: "coffee", events: [], projections: [cups], agents: [{ ...barista, reads: ["cups"] }] };
};

describe("given a domain that brings a table and an agent", () => {
  test("then the materializer may write the table, and the agent may read what it says it reads", async () => {
    const rights = rightsOf(await rolesWith([coffee("barista")]), "");
    const onCups = rights.filter(({ name }) => name === "cups").map(({ role, privilege }) => `${role} ${privilege}`);
    expect(onCups.sort()).toEqual([
      "barista select",
      "materializer delete",
      "materializer insert",
      "materializer select",
      "materializer update",
    ]);
  });

  test("then an agent that is called like another role is refused: their rights would be one", async () => {
    await expect(rolesWith([coffee("web")])).rejects.toThrow('the agent "web" has the name of another role');
  });
});

test("given any log, then nobody may delete events, and only whoever passes work on may change what it is", async () => {
  const rights = rightsOf([...(await rolesWith()), ...(await rolesWith([], true))], "");
  const may = (privilege: string, name: string, column: string | null) =>
    rights.filter((right) => right.privilege === privilege && right.name === name && right.column === column);
  expect(may("delete", "events", null)).toEqual([]);
  expect(may("update", "events", null)).toEqual([]);
  expect(new Set(may("update", "work", null).map(({ role }) => role))).toEqual(new Set(["router"]));
});

test("the page about rights shows what db:migrate --roles --dry-run prints of the stages", async () => {
  const stages = (await rolesWith()).filter(({ name }) => !["web", "reader", "admin"].includes(name));
  const page = await readFile(new URL("../../docs/least-rights.md", import.meta.url), "utf8");
  expect(page).toContain(`\n${stripVTControlCharacters(rolesTable(stages, "stream_"))}\n`);
});
