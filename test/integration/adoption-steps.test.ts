import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { type EventRow, toStoredEvent } from "../../src/adapters/postgres/ledger.ts";
import { coreMigrations, migrate, pendingMigrations } from "../../src/adapters/postgres/migrate.ts";
import { markFound } from "../../src/adoption/adopt.ts";
import { checksums, presentColumns } from "../../src/adoption/checksums.ts";
import { foldEvents, type Unreadable } from "../../src/adoption/fold.ts";
import { previewUpgrade, upgradeDatabase } from "../../src/adoption/upgrade.ts";
import { allMigrations, openApp } from "../../src/app.ts";
import type { Adopted } from "../../src/domains/shared/adopt.ts";
import { messageOf } from "../../src/engine/errors.ts";
import { runCommand } from "../support/commands.ts";
import { buildFirstSystem } from "../support/first-system/build.ts";
import { createTestApp, type TestApp } from "../support/test-app.ts";

const quiet = () => {};

/** Killed at each of these in turn, in one database: what one run has done the next one finds. */
const KILL_POINTS = ["found", "ordered", "compared", "appended", "committed"];

describe("an adoption that is killed", () => {
  let killed: TestApp;
  let whole: TestApp;

  beforeAll(async () => {
    [killed, whole] = await Promise.all([createTestApp({}, { bare: true }), createTestApp({}, { bare: true })]);
    await Promise.all([killed, whole].map(({ app }) => buildFirstSystem(app.db, { events: 150 })));
    await upgradeDatabase(whole.app, quiet);
  });
  afterAll(() => Promise.all([killed, whole].map((world) => world[Symbol.asyncDispose]())));

  const appended = ({ app }: TestApp) => app.db`
    select id, event_type, subject_id, payload from lifestream.events where source = 'adoption' order by position`;
  const registry = ({ app }: TestApp) =>
    app.db`select id, status, last_error, payload from lifestream.work order by id`;

  test("given kill -9 at every step, when it is run again, then it ends as one that was left alone", async () => {
    const columns = await presentColumns(killed.app.db);
    const before = await checksums(killed.app.db, columns);
    for (const point of KILL_POINTS) {
      const { signal } = await runCommand(["db:migrate"], { ...killed.env, FAULT_AT: `adopt.${point}` });
      expect({ point, signal }).toEqual({ point, signal: "SIGKILL" });
      expect(await checksums(killed.app.db, columns)).toEqual(before);
    }
    const { code, stdout } = await runCommand(["db:migrate"], killed.env);
    // Whoever was killed before they could say what was done leaves that to the next.
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringMatching(/was adopted\n(.*\n)*.*links +\d+ rows.*as before/),
    });
    expect(await upgradeDatabase(killed.app, quiet)).toEqual({ applied: [], secured: [], adoption: null });
    expect(await appended(killed)).toEqual(await appended(whole));
    expect(await registry(killed)).toEqual(await registry(whole));
  }, 120_000);
});

describe("rows that change between the adoption and its being applied", () => {
  test("given a row that was told briefly is gone, when that is applied, then nothing is added, and other rows are set exactly", async () => {
    await using world = await createTestApp({}, { bare: true });
    const { db, registry } = world.app;
    await buildFirstSystem(db, { events: 100 });
    await upgradeDatabase(world.app, quiet);
    const told = await db<EventRow[]>`
      select id, occurred_at, received_at, source, subject, subject_id, event_type, schema_version, payload, correlation_id,
        causation_id, position
      from lifestream.events where source = 'adoption' order by position`;
    const brief = told.filter(({ payload }) => {
      const row = (payload as Partial<Adopted["payload"]>).rows?.link_metadata;
      return row && !("subject_id" in row);
    });
    const gone = brief.map((row) => row.subject_id);
    expect(gone.length).toBeGreaterThan(0);
    await db`delete from lifestream.link_metadata where subject_id = any(${gone})`;
    const exact = () => db`select meta::text from lifestream.todos where subject_id = 'todoist:big'`;
    const before = await exact();
    const unreadable: Unreadable[] = [];
    await db.begin((tx) =>
      foldEvents(
        tx,
        told.map((row) => ({ ...toStoredEvent(row), payload: row.payload as Adopted["payload"] })),
        { projections: registry.projections, redirect: (sql) => sql },
        unreadable,
      ),
    );
    expect(unreadable).toEqual([]);
    expect(await exact()).toEqual(before);
    const rows = await db`select subject_id from lifestream.link_metadata where subject_id = any(${gone})`;
    expect([...rows]).toEqual([]);
  });
});

describe("looking before adopting", () => {
  let world: TestApp;
  const role = `t_reader_${randomBytes(6).toString("hex")}`;
  const password = randomBytes(12).toString("hex");

  beforeAll(async () => {
    world = await createTestApp({}, { bare: true });
    await buildFirstSystem(world.app.db, { events: 150 });
    await world.app.db.unsafe(`
      create role ${role} login password '${password}' bypassrls; grant usage on schema lifestream to ${role};
      grant select on all tables in schema lifestream to ${role}`);
  });
  afterAll(async () => {
    await world.app.db.unsafe(`drop owned by ${role}; drop role ${role}`);
    await world[Symbol.asyncDispose]();
  });

  const asReader = () => {
    const url = new URL(world.app.databaseUrl);
    url.username = role;
    url.password = password;
    return url.href;
  };

  test("given a login that may only read, when asked what would be done, then it says so and nothing is changed", async () => {
    const { db } = world.app;
    const before = await checksums(db, await presentColumns(db));
    const { code, stdout } = await runCommand(["db:migrate", "--dry-run"], { ...world.env, DATABASE_URL: asReader() });
    expect(code).toBe(0);
    expect(stdout).toContain("tables added: ");
    expect(stdout).toMatch(/columns added: .*events\.position.*links\.adopted_position/);
    expect(stdout).toMatch(/events to append.*\n(.*\n)*\s+\d+\s+state\.adopted\s+link\n/);
    expect(stdout).toMatch(/fetch_link\s+link:[0-9a-f]{16}\s+connect timeout\n/);
    expect(stdout).toMatch(/todos\s+A todo without an id\s+it has no subject id\n/);
    expect(stdout).toMatch(
      /1 link made private by an event.*\n\s+link:[0-9a-f]{16}\s+https:\/\/odd\.example\/private\n/,
    );
    expect(await checksums(db, await presentColumns(db))).toEqual(before);
    const [left] = await db`select count(*) as tables from pg_class where relnamespace = 'lifestream'::regnamespace
      and relname = 'schema_migrations'`;
    expect(left?.tables).toBe(0);
  });

  test("given row-level security hides the rows, when asked, then it fails instead of taking them for gone", async () => {
    await world.app.db.unsafe(`alter role ${role} nobypassrls`);
    const { config, logger } = world.app;
    await using app = await openApp({ config, logger, databaseUrl: asReader(), kafkaBrokers: [], name: "reader" });
    expect(previewUpgrade(app, quiet)).rejects.toThrow("row-level security");
    await previewUpgrade(app, quiet).catch(quiet);
  });
});

describe("a database of somebody else", () => {
  test("given tables that are neither ours nor the first system's, when migrating, then it is refused by what is missing", async () => {
    await using world = await createTestApp({}, { bare: true });
    const { db } = world.app;
    const [contract] = await coreMigrations();
    await db.unsafe("create schema lifestream");
    await db.unsafe(contract?.sql ?? "");
    await db.unsafe(`drop table lifestream.kafka_offsets, lifestream.todos; alter table lifestream.links drop column pinned;
      alter table lifestream.events alter payload type text`);
    expect(upgradeDatabase(world.app, quiet)).rejects.toThrow(
      /neither empty, nor ours, nor the first system's: there is no table todos, kafka_offsets, events\.payload is text, not jsonb, there is no column links\.pinned; name another/,
    );
    await upgradeDatabase(world.app, quiet).catch(quiet);
    const rows = await db`select to_regclass('lifestream.schema_migrations') as made`;
    expect(rows[0]?.made).toBeNull();
  });

  test("given a migration that this program does not know, when migrating, then it is told to be newer", async () => {
    await using world = await createTestApp({}, { bare: true });
    await upgradeDatabase(world.app, quiet);
    await world.app.db`insert into lifestream.schema_migrations (name, checksum) values ('9999_later', '')`;
    const error = await upgradeDatabase(world.app, quiet).catch(messageOf);
    expect(error).toContain("this database is newer than this program: it has migration 9999_later");
  });

  test("given an adoption that is not through, when a stage asks what is to be migrated, then that is", async () => {
    await using world = await createTestApp({}, { bare: true });
    const { db, registry } = world.app;
    await buildFirstSystem(db, { events: 100 });
    const migrations = await allMigrations(registry);
    await markFound(db, migrations);
    await migrate(db, migrations);
    expect(await pendingMigrations(db, migrations)).toEqual(["adoption"]);
    // Its positions are there, and not in order: what is foretold is what comes.
    const foretold = (await previewUpgrade(world.app, quiet)).adoption;
    const { adoption } = await upgradeDatabase(world.app, quiet);
    expect(adoption).toMatchObject({ events: foretold?.events ?? [], left: foretold?.left ?? [] });
    expect(await pendingMigrations(db, migrations)).toEqual([]);
  });
});
