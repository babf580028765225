import { describe, expect, test } from "bun:test";
import { planRights, type Right, rightsOf, statementsOf } from "./roles-plan.ts";

const on = (privilege: string, column: string | null = null, name = "work"): Right => ({
  role: "stream_fetcher",
  kind: "table",
  name,
  privilege,
  column,
});

describe("the plan for a role's rights", () => {
  test("given what is wanted and nothing else, then there is nothing to do", () => {
    const wanted = [on("select"), on("update", "status")];
    expect(statementsOf(planRights(wanted, wanted))).toEqual([]);
  });

  test("given more than is wanted, then that is revoked and the rest stays", () => {
    const plan = planRights([on("select")], [on("select"), on("delete"), on("insert", null, "events")]);
    expect(statementsOf(plan)).toEqual([
      "revoke delete on table lifestream.work from stream_fetcher;",
      "revoke insert on table lifestream.events from stream_fetcher;",
    ]);
  });

  test("given the whole table where only columns are wanted, then they are granted anew: revoking took them too", () => {
    const columns = [on("update", "status"), on("update", "agent")];
    const plan = planRights([on("select"), ...columns], [on("select"), on("update"), ...columns]);
    expect(statementsOf(plan)).toEqual([
      "revoke update on table lifestream.work from stream_fetcher;",
      "grant update (status, agent) on table lifestream.work to stream_fetcher;",
    ]);
  });

  test("given names that SQL would read otherwise, then they are quoted", () => {
    const plan = planRights([{ ...on("update", 'a"b', "My table"), role: "me-too" }], []);
    expect(statementsOf(plan)).toEqual(['grant update ("a""b") on table lifestream."My table" to "me-too";']);
  });
});

test("given a table that stands several times, then its rights add up, and the whole table covers its columns", () => {
  const tables = [
    { table: "events", may: { insert: ["id"], select: ["id"] } },
    { table: "events", may: { select: true } as const },
    { table: "events", may: { insert: ["id", "payload"] } },
  ];
  const rights = rightsOf([{ name: "fetcher", commands: [], tables, sequences: ["numbers"] }], "stream_");
  expect(statementsOf({ grant: rights, revoke: [] })).toEqual([
    "grant usage on schema lifestream to stream_fetcher;",
    "grant insert (id, payload), select on table lifestream.events to stream_fetcher;",
    "grant usage on sequence lifestream.numbers to stream_fetcher;",
  ]);
});
