/** What each role may do in Postgres and what it is refused, and how roles are made, repaired and looked at. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect, type Database } from "../../src/adapters/postgres/connect.ts";
import { lackingRights, roleOfLogin } from "../../src/adapters/postgres/roles-lacking.ts";
import { rolesOfDatabase } from "../../src/database-roles.ts";
import type { Sql } from "../../src/engine/store.ts";
import { killLeftCommands, runCommand } from "../support/commands.ts";
import { createDatabaseLogins, type DatabaseLogins } from "../support/database-logins.ts";
import { createTestApp, type TestApp } from "../support/test-app.ts";

const TEST_MS = 60_000;
const AGENTS = ["fetcher", "enricher", "publisher"];
const STAGES = ["relay", "router", "materializer", ...AGENTS];
const LOOKS = ["web", "reader", "admin"];
const ROLES = [...STAGES, "web", "capture", "reader", "admin"];

const INSERT = "insert into lifestream.events (occurred_at, source, subject, subject_id, event_type, payload";

/** What somebody tries, and who may. */
const TRIES: readonly (readonly [what: string, sql: string, allowed: readonly string[]])[] = [
  [
    "append an event",
    `${INSERT}) values (now(), 't', 't', 't', 't', '{}')`,
    ["router", ...AGENTS, "web", "capture", "admin"],
  ],
  ["take a place in the order", `${INSERT}, position) values (now(), 't', 't', 't', 't', '{}', 1)`, []],
  ["pass for forwarded", `${INSERT}, published_to_kafka) values (now(), 't', 't', 't', 't', '{}', true)`, []],
  [
    "read events",
    "select payload from lifestream.events",
    ["relay", "router", "materializer", "enricher", "publisher", ...LOOKS],
  ],
  ["change an event", "update lifestream.events set payload = '{}'", []],
  ["delete events", "delete from lifestream.events", []],
  ["empty the ledger", "truncate lifestream.events", []],
  ["mark events as forwarded", "update lifestream.events set published_to_kafka = true", ["relay", "admin"]],
  ["write state", "update lifestream.links set visibility = 'public'", ["materializer"]],
  ["delete state", "delete from lifestream.todos", ["materializer"]],
  ["read pages' text", "select text_content from lifestream.link_content", ["materializer", ...LOOKS]],
  [
    "ask for work",
    `insert into lifestream.work (id, work_type, subject, subject_id, correlation_id, triggered_by_event_id)
    values (gen_random_uuid(), 't', 't', 't', gen_random_uuid(), gen_random_uuid())`,
    ["router"],
  ],
  ["change what work is", "update lifestream.work set payload = '{}'", ["router"]],
  ["say how work stands", "update lifestream.work set status = 'done'", ["relay", "router", ...AGENTS, "admin"]],
  ["delete work", "delete from lifestream.work", []],
  ["read set-aside records", "select record_value from lifestream.dead_letters", ["router", "materializer", ...LOOKS]],
  ["read tokens", "select token_hash from lifestream.api_tokens", ["web", "admin"]],
  ["make a token", "insert into lifestream.api_tokens (name, token_hash, scopes) values ('t', '', '{}')", ["admin"]],
  ["read the log in Postgres", "select value from lifestream.log_records", LOOKS],
  ["write into it", "insert into lifestream.log_records (partition_id, record_offset) values (1, 1)", []],
  ["make a table", "create table lifestream.t ()", []],
  ["switch a trigger off", "alter table lifestream.events disable trigger user", []],
  ["skip triggers", "set local session_replication_role = replica", []],
  ["make a role", "create role t_never", []],
  ["call out", "copy (select 1) to program 'true'", []],
];

test("given the database as migrations make it, when its views are looked at, then none reads with its owner's rights", async () => {
  const unsafe = async (sql: Sql | Database) => {
    const views = await sql<{ name: string; options: string[] | null; kind: string }[]>`
      select relname as name, reloptions as options, relkind as kind from pg_class
      where relnamespace = 'lifestream'::regnamespace and relkind in ('v', 'm')`;
    const isSafe = ({ kind, options }: (typeof views)[number]) =>
      kind === "v" && (options ?? []).some((option) => /^security_invoker=(true|on|1)$/.test(option));
    return views.filter((view) => !isSafe(view)).map(({ name }) => name);
  };
  expect(await unsafe(world.app.db)).toEqual([]);
  const seen = world.app.db.begin(async (tx) => {
    await tx`create view lifestream.good with (security_invoker = true) as select 1`;
    await tx`create view lifestream.bad as select 1`;
    throw Object.assign(new Error("undone"), { seen: await unsafe(tx) });
  });
  expect(await seen.catch((error) => error.seen)).toEqual(["bad"]);
});

let world: TestApp;
let logins: DatabaseLogins;

beforeAll(async () => {
  world = await createTestApp({}, { bare: true });
  expect((await runCommand(["db:migrate"], world.env)).code).toBe(0);
  logins = await createDatabaseLogins(world);
}, TEST_MS);

afterAll(async () => {
  await killLeftCommands();
  await logins[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
}, TEST_MS);

test("given a role for each process, then these are all there are", () => {
  expect([...logins.names].sort()).toEqual([...ROLES].sort());
});

test.each(ROLES)(
  "given %s, when it tries everything, then it can do its part and is refused all else",
  async (role) => {
    const { db } = logins.app(role);
    const outcomes: string[] = [];
    for (const [what, sql] of TRIES) outcomes.push(`${what}: ${await outcomeOf(db, sql)}`);
    expect(outcomes).toEqual(
      TRIES.map(([what, , allowed]) => `${what}: ${allowed.includes(role) ? "done" : "denied"}`),
    );
  },
);

test("given each login, when asked what it is for and what it lacks, then that is its role, and nothing", async () => {
  const roles = await rolesOfDatabase(world.app, false);
  for (const role of roles) {
    const { db } = logins.app(role.name);
    expect((await roleOfLogin(db, roles))?.name).toBe(role.name);
    expect(await lackingRights(db, role)).toEqual([]);
  }
  const [relay] = roles;
  const lacks = relay ? await lackingRights(logins.app("fetcher").db, relay) : [];
  expect(lacks).toContain(
    "select, update (published_to_kafka, position, kafka_topic, kafka_partition, kafka_offset) on events",
  );
  expect(await roleOfLogin(world.app.db, roles)).toBeNull();
});

/** Tries it and takes it back; any failure but a missing right is told. */
async function outcomeOf(db: Database, sql: string): Promise<string> {
  const back = new Error("taken back");
  try {
    await db.begin(async (tx) => {
      await tx.unsafe(sql);
      throw back;
    });
  } catch (error) {
    if (error === back) return "done";
    return (error as { code?: string }).code === "42501" ? "denied" : String(error);
  }
  return "kept";
}

describe("db:migrate --roles", () => {
  const run = (...args: string[]) =>
    runCommand(["db:migrate", ...args, "--role-prefix", logins.prefix], world.env, { withinMs: TEST_MS });

  test(
    "given rights and attributes beyond the list, when run, then rights are taken back, the rest is named",
    async () => {
      const { db } = world.app;
      const fetcher = `${logins.prefix}fetcher`;
      await db.unsafe(`
      grant update on lifestream.work to ${fetcher};
      revoke insert on lifestream.events from ${fetcher};
      grant select on lifestream.events to public;
      alter role ${fetcher} createdb;
      alter table lifestream.todos enable row level security`);

      const dry = await run("--roles", "--dry-run");
      const first = await run("--roles");
      const second = await run("--roles");
      await db.unsafe(`revoke select on lifestream.events from public; alter role ${fetcher} nocreatedb`);

      expect(dry.stdout).toContain(`revoke update on table lifestream.work from ${fetcher};`);
      expect(first).toMatchObject({ code: 0, stderr: "" });
      expect(first.stdout).toMatch(new RegExp(`^${fetcher} +18 granted, 1 revoked, \\d+ there before$`, "m"));
      expect(first.stdout).toContain(`revoked: update on work from ${fetcher}`);
      expect(first.stdout).toMatch(
        /^row-level security of todos: a policy for \S+admin, \S+materializer, \S+reader, \S+web$/m,
      );
      expect(first.stdout).toContain("more than it needs: everybody (PUBLIC) may select on lifestream.events");
      expect(first.stdout).toContain(`more than it needs: ${fetcher} has the attribute CREATEDB`);
      expect(second.stdout).not.toMatch(/[1-9]\d* (granted|revoked)|policy/);
      expect(await outcomeOf(logins.app("fetcher").db, "update lifestream.work set payload = '{}'")).toBe("denied");
      expect(await outcomeOf(logins.app("fetcher").db, TRIES[0]?.[1] ?? "")).toBe("done");
    },
    TEST_MS,
  );

  test(
    "given a table that came later, when migrated without --roles, then the roles get what is new to them",
    async () => {
      const { db } = world.app;
      await db.unsafe(`drop owned by ${logins.prefix}materializer cascade`);
      await db.unsafe(`grant usage on schema lifestream to ${logins.prefix}materializer`);
      const migrated = await runCommand(["db:migrate"], world.env);

      expect(migrated).toMatchObject({ code: 0, stderr: "" });
      expect(migrated.stdout).toContain(`the roles ${logins.prefix}* were brought up to date`);
      expect(await outcomeOf(logins.app("materializer").db, "delete from lifestream.todos")).toBe("done");
    },
    TEST_MS,
  );

  test(
    "given a login that owns nothing, when it runs, then one sentence says what to do",
    async () => {
      const args = ["db:migrate", "--roles", "--role-prefix", "t_nobody_"];
      const { code, stderr } = await runCommand(args, logins.env("admin"));

      expect(code).toBe(1);
      expect(stderr).toMatch(
        /^this login may not make or change the roles t_nobody_\* \(.*\): have an administrator run/,
      );
      expect(stderr.trim().split("\n")).toHaveLength(1);
    },
    TEST_MS,
  );

  test(
    "given a prefix that SQL would have to quote, when asked for, then it is refused as wrong usage",
    async () => {
      const { code, stderr } = await runCommand(["db:migrate", "--roles", "--role-prefix", "a-b"], world.env);
      expect({ code, stderr }).toEqual({
        code: 2,
        stderr: "--role-prefix takes up to 31 small letters, digits and underscores, as in stream_\n",
      });
    },
    TEST_MS,
  );
});

test(
  "given row-level security without a policy, when somebody with the right to read looks, then no row is there",
  async () => {
    const { db, databaseUrl } = world.app;
    const stranger = `${logins.prefix}stranger`;
    await db.unsafe(`create role ${stranger} login password 'x'; grant usage on schema lifestream to ${stranger};
    alter table lifestream.events enable row level security; grant select on lifestream.events to ${stranger};
    ${INSERT}) values (now(), 't', 'todo', 't:1', 'todo.created', '{"title": "x"}')`);
    const url = new URL(databaseUrl);
    url.username = stranger;
    url.password = "x";
    const theirs = connect({ url: url.href, name: "test", maxConnections: 1 });
    expect(await theirs`select 1 from lifestream.events`).toHaveLength(0);
    const capture = (await rolesOfDatabase(world.app, false)).filter(({ name }) => name === "capture");
    expect(await Promise.all(capture.map((role) => lackingRights(theirs, role)))).toEqual([
      [expect.stringMatching(/^insert \(id, .*\) on events$/), "a policy for the rows of events"],
    ]);
    await theirs.end();
    await db.unsafe(
      `alter table lifestream.events disable row level security; drop owned by ${stranger}; drop role ${stranger}`,
    );
  },
  TEST_MS,
);
