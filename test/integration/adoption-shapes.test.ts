/** First systems whose tables are not quite as they were observed elsewhere. */
import { describe, expect, test } from "bun:test";
import { migrate } from "../../src/adapters/postgres/migrate.ts";
import { checksums, presentColumns } from "../../src/adoption/checksums.ts";
import { inspectDatabase } from "../../src/adoption/inspect.ts";
import { previewUpgrade, upgradeDatabase } from "../../src/adoption/upgrade.ts";
import { allMigrations } from "../../src/app.ts";
import { messageOf } from "../../src/engine/errors.ts";
import { ensureTopics } from "../../src/pipeline/topics.ts";
import { verify } from "../../src/rebuild/verify.ts";
import { allStages } from "../../src/stages.ts";
import { buildFirstSystem } from "../support/first-system/build.ts";
import { settled } from "../support/settled.ts";
import { createTestApp, type TestApp } from "../support/test-app.ts";

const TEST_MS = 60_000;
const quiet = () => {};

const verified = ({ app }: TestApp) => {
  const { registry, db, clock, random } = app;
  const { signal } = new AbortController();
  return verify({ registry, projections: registry.projections, db, clock, random, signal });
};

/** Texts with and without a limit, small numbers, coarse times, columns that nobody else knows. */
const OTHER_TYPES = `
  do $$
  declare c record;
  begin
    for c in
      select a.attrelid::regclass as name, a.attname, format_type(a.atttypid, null) as type
      from pg_attribute a join pg_class t on t.oid = a.attrelid and t.relkind = 'r'
      where t.relnamespace = 'lifestream'::regnamespace and a.attnum > 0 and a.atttypid in ('text'::regtype, 'text[]'::regtype)
        and not exists (select from pg_depend d where d.classid = 'pg_rewrite'::regclass and d.refobjid = a.attrelid
          and d.refobjsubid = a.attnum)
    loop
      execute format('alter table %s alter column %I type varchar%s', c.name, c.attname,
        case when c.type = 'text[]' then '(60)[]' when c.attname in ('title', 'display_name') then '(40)' else '' end);
    end loop;
  end $$;
  alter table lifestream.publish_state alter desired_version type int, alter published_version type int;
  alter table lifestream.kafka_offsets alter last_offset type int;
  alter table lifestream.events alter kafka_offset type int, alter schema_version type smallint;
  alter table lifestream.temperature_readings alter celsius type real, alter humidity type numeric(5,2);
  alter table lifestream.temperature_latest alter celsius type real, alter humidity type numeric(5,2);
  alter table lifestream.link_content alter fetched_at type timestamptz(0);
  alter table lifestream.todos add column mood jsonb default '{"of": "another"}';
  alter table lifestream.links add column clicks int not null default 3,
    add column words tsvector generated always as (to_tsvector('simple', url)) stored;
  alter table lifestream.subjects add column shout text generated always as (upper(subject_id)) stored;
`;

describe("columns of other types", () => {
  test(
    "given small numbers, short texts and columns of its own, when it moves in, then every row stays, and what was too narrow is wide",
    async () => {
      await using world = await createTestApp({}, { bare: true });
      const { app } = world;
      await buildFirstSystem(app.db, { events: 120, before: OTHER_TYPES });
      const columns = await presentColumns(app.db);
      const before = await checksums(app.db, columns);
      const preview = await previewUpgrade(app, quiet);
      const { adoption } = await upgradeDatabase(app, quiet);
      expect(adoption?.events).toEqual(preview.adoption?.events ?? []);
      expect(await checksums(app.db, columns)).toEqual(before);
      const narrow = await app.db`
        select table_name, column_name, data_type from information_schema.columns
        where table_schema = 'lifestream' and (character_maximum_length is not null
          or data_type = 'integer' and (column_name like '%_version' or column_name like '%_offset'))`;
      expect([...narrow]).toEqual([]);

      await ensureTopics(app.log, app.registry.topics);
      const [link] =
        await app.db`select subject_id from lifestream.links where status = 'published' order by 1 limit 1`;
      await app.db`
        insert into lifestream.events (occurred_at, source, subject, subject_id, event_type, payload)
        values (now(), 'test', 'link', ${link?.subject_id}, 'content.fetched', ${app.db.json({ title: "long ".repeat(30) })}),
          (now(), 'test', 'sensor', 'sensor:new', 'temp.reading_recorded', '{"celsius": 20.1, "humidity": 40.5}')`;
      await world.runUntil(allStages(app, { once: false }), () => settled(app));
      const report = await verified(world);
      // But for rows that no event can be about.
      const differing = report.tables.filter((table) => table.differing > 0).flatMap(({ examples }) => examples);
      expect(differing.filter((key) => !key.endsWith('""]'))).toEqual([]);
      const [content] = await app.db`
        select length(title) as long from lifestream.link_content where subject_id = ${link?.subject_id}`;
      expect(content?.long).toBe(150);
    },
    TEST_MS,
  );
});

describe("row-level security", () => {
  const secured = async ({ app }: TestApp) => {
    const rows = await app.db<{ name: string }[]>`
      select relname as name from pg_class
      where relnamespace = 'lifestream'::regnamespace and relkind = 'r' and relrowsecurity order by 1`;
    return rows.map(({ name }) => name);
  };

  test("given none, when it moves in, then there is none", async () => {
    await using world = await createTestApp({}, { bare: true });
    await buildFirstSystem(world.app.db, { events: 30, rowSecurity: "none" });
    await upgradeDatabase(world.app, quiet);
    expect(await secured(world)).toEqual([]);
  });

  test("given only the ledger has it, when it moves in, then our tables have it with every step, and no other of its own", async () => {
    await using world = await createTestApp({}, { bare: true });
    const { db, registry } = world.app;
    await buildFirstSystem(db, { events: 30, rowSecurity: "events" });
    const migrations = await allMigrations(registry);
    const theirs = Object.keys(await presentColumns(db)).filter((table) => table !== "events");
    const open = async () => {
      const all = Object.keys(await presentColumns(db));
      const closed = await secured(world);
      return all.filter((table) => !closed.includes(table));
    };
    for (let upTo = 1; upTo <= migrations.length; upTo += 1) {
      await migrate(db, migrations.slice(0, upTo));
      expect(await open()).toEqual(theirs);
    }
  });

  test("given only the ledger has it, when it was migrated, then its own tables are left alone", async () => {
    await using world = await createTestApp({}, { bare: true });
    await buildFirstSystem(world.app.db, { events: 30, rowSecurity: "events" });
    await upgradeDatabase(world.app, quiet);
    const closed = await secured(world);
    expect(closed).toEqual(expect.arrayContaining(["events", "api_tokens", "schema_migrations", "work"]));
    expect(closed).not.toContain("links");
    expect(closed).not.toContain("site_builds");
  });
});

describe("a database that cannot be adopted", () => {
  const REFUSED: readonly (readonly [string, string, RegExp])[] = [
    ["a table has the name of one of ours", "create table lifestream.work (id int)", /there is a table work already/],
    [
      "a column has the name of one of ours",
      "alter table lifestream.link_content add column position int; alter table lifestream.events add column position int",
      /there is a column events\.position already, there is a column link_content\.position already/,
    ],
    [
      "a function and an index have names of ours",
      "create function lifestream.wake_relay() returns int language sql as 'select 1'; create index events_outbox on lifestream.events (id)",
      /there is a function wake_relay already, there is an index events_outbox already/,
    ],
    [
      "another tool keeps its migrations there",
      "create table lifestream.schema_migrations (version text primary key)",
      /there is a table schema_migrations that is not ours/,
    ],
    [
      "a column is computed",
      "alter table lifestream.links drop column pinned; alter table lifestream.links add pinned boolean generated always as (retry_count > 1) stored",
      /links\.pinned is generated/,
    ],
    [
      "a column of its own must be given a value",
      "alter table lifestream.todos add column owner text; update lifestream.todos set owner = ''; alter table lifestream.todos alter owner set not null",
      /todos\.owner must have a value and has no default/,
    ],
    [
      "a view keeps a column narrow",
      "alter table lifestream.publish_state alter published_version type int; create view lifestream.versions as select published_version from lifestream.publish_state",
      /publish_state\.published_version is an integer, which is too small, and cannot be widened while .*view lifestream\.versions/,
    ],
  ];
  test(
    "given what stands in the way, when looked at, then it is refused by name",
    async () => {
      await using world = await createTestApp({}, { bare: true });
      const { db, registry } = world.app;
      await buildFirstSystem(db, { events: 30 });
      const migrations = await allMigrations(registry);
      for (const [what, change, reason] of REFUSED) {
        const found = db.begin(async (tx) => {
          await tx.unsafe(change);
          throw await inspectDatabase(tx as never, migrations).catch((error) => error);
        });
        expect([what, await found.catch(messageOf)]).toEqual([what, expect.stringMatching(reason)]);
      }
      expect(await inspectDatabase(db, migrations)).toBe("first-system");
    },
    TEST_MS,
  );
});
