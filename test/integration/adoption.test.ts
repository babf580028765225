import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Columns, checksums, presentColumns, type TableSum } from "../../src/adoption/checksums.ts";
import { previewUpgrade, type Upgrade, type UpgradePreview, upgradeDatabase } from "../../src/adoption/upgrade.ts";
import { domains } from "../../src/app.ts";
import type { Config } from "../../src/config.ts";
import type { Agent } from "../../src/engine/agent.ts";
import { ensureTopics } from "../../src/pipeline/topics.ts";
import { verify } from "../../src/rebuild/verify.ts";
import { buildFirstSystem } from "../support/first-system/build.ts";
import { settled } from "../support/settled.ts";
import { createTestApp, type TestApp } from "../support/test-app.ts";

const quiet = () => {};
/** What relay and consumers write on. */
const OURS_TO_KEEP = new Set(["events", "kafka_offsets", "event_ingest_dedupe"]);
/** What was asked of the outside world. */
const asked: string[] = [];

/** The publisher works; whoever would read a page or ask a model is only noted. */
function unaskedDomains(config: Config, agents: readonly Agent<never>[]) {
  const noted = (agent: Agent<never>): Agent<never> => ({
    ...agent,
    async run(work) {
      asked.push(`${agent.name} ${(work as { subjectId: string }).subjectId}`);
      return [];
    },
  });
  return domains(
    config,
    agents.map((agent) => (agent.name === "publisher" ? agent : noted(agent))),
  );
}

describe("the first system's database moves in", () => {
  let world: TestApp;
  let columns: Columns;
  let before: Record<string, TableSum>;
  let preview: UpgradePreview;
  let upgrade: Upgrade;
  let shown: { subject_id: string }[];

  const visible = () =>
    world.app.db<{ subject_id: string }[]>`
      select l.subject_id, l.status, l.visibility, l.created_at, c.title, m.tags, m.summary_short
      from lifestream.links l left join lifestream.link_content c using (subject_id)
      left join lifestream.link_metadata m using (subject_id)
      where l.status = 'published' and l.visibility = 'public' order by 1`;

  beforeAll(async () => {
    world = await createTestApp({}, { bare: true, domains: unaskedDomains });
    const { db } = world.app;
    await buildFirstSystem(db, { events: 600, waiting: 2 });
    columns = await presentColumns(db);
    await db.unsafe(
      `create schema before; ${Object.keys(columns)
        .map((table) => `create table before.${table} as table lifestream.${table}`)
        .join(";")}`,
    );
    before = await checksums(db, columns);
    shown = await visible();
    preview = await previewUpgrade(world.app, quiet);
    upgrade = await upgradeDatabase(world.app, quiet);
  }, 60_000);
  afterAll(() => world[Symbol.asyncDispose]());

  test("given a preview, when it is carried out, then it does what the preview said", () => {
    const { sums: _, ...told } = preview.adoption ?? { sums: {} };
    expect(upgrade.adoption).toMatchObject(told);
    expect(upgrade.applied).toEqual([...preview.pending]);
    expect(preview.adoption?.sums).toEqual(before);
  });

  test("given every table's sum from before, when it is adopted, then all of them are the same", async () => {
    expect(await checksums(world.app.db, columns)).toEqual(before);
    expect(upgrade.adoption?.sums.changed).toEqual([]);
  });

  test("given what no event can say, when it is adopted, then it is listed with its key and reason", async () => {
    const problems = await world.app.db`
      select table_name, regexp_replace(regexp_replace(reason, 'link:[0-9a-f]+', 'link'), '90[0-9]{2}', '#') as reason, count(*) as count
      from lifestream.adoption_problems group by 1, 2 order by 1, 2`;
    const lost = problems.find(({ reason }) => String(reason).startsWith("its address"));
    expect(lost?.count).toBeGreaterThan(0);
    expect(problems.map(({ table_name, reason }) => `${table_name}: ${reason}`)).toEqual([
      "events: index row requires # bytes, maximum size is 8191",
      'events: invalid byte sequence for encoding "UTF8": 0x00',
      'events: nobody registered the event type "book.read"',
      "events: nothing is known of its link",
      "events: the payload of todo.created is wrong: title: Invalid input: expected string, received undefined",
      "link_content: it has no subject id",
      "links: it has no subject id",
      "links: its address is that of link, so it has events but no row",
      "publish_state: it has no subject id",
      "subjects: it has no subject id",
      "subjects: no domain keeps subjects of this kind",
      "temperature_latest: it has no subject id",
      "todos: it has no subject id",
    ]);
  });

  test("given row-level security on all that was there, when tables are added, then they have it with the same policy", async () => {
    const rows = await world.app.db`
      select c.relname, c.relrowsecurity, p.policyname, p.roles::text[] as roles, p.qual from pg_class c
      left join pg_policies p on p.schemaname = 'lifestream' and p.tablename = c.relname
      where c.relnamespace = 'lifestream'::regnamespace and c.relkind = 'r'`;
    expect(rows.length).toBeGreaterThan(20);
    for (const row of rows) {
      expect(row).toMatchObject({
        relrowsecurity: true,
        policyname: "service_only",
        roles: ["service_role"],
        qual: "true",
      });
    }
  });

  test("given its views, when it is adopted, then they are there and still take inserts", async () => {
    const { db } = world.app;
    const [link] = await db`select subject_id, visibility from lifestream.links order by 1 limit 1`;
    await db`insert into lifestream.flink_links_visibility_update ${db({ ...link })}`;
    const [count] = await db`
      select count(*) as views from information_schema.views where table_schema = 'lifestream'`;
    expect(count?.views).toBe(5);
  });

  describe("and everything is started", () => {
    beforeAll(async () => {
      await ensureTopics(world.app.log, world.app.registry.topics);
      const shownAgain = async () => (await lackingOnSite()).length === 0;
      await world.runUntil(world.stages(), async () => (await settled(world.app)) && shownAgain());
    }, 60_000);

    const lackingOnSite = async () => {
      const files = await feedFolder();
      const ids = (await visible()).map((row) => row.subject_id.replace(":", "-"));
      return ids.filter((id) => !files.has(`${id}.json`));
    };
    const feedFolder = async () => {
      return new Set(await readdir(join(world.app.config.home, "site", "links")).catch(() => []));
    };

    test("given work that was done, when the whole ledger flows, then nobody outside is asked but for new links", async () => {
      const waiting = await world.app.db`
        select e.subject_id from before.events e where event_type = 'link.added' and not published_to_kafka order by 1`;
      expect(waiting.length).toBe(2);
      expect(asked.sort()).toEqual(waiting.map(({ subject_id }) => `fetcher ${subject_id}`));
    });

    test("given what was published and public, when everything ran, then it is so still, as it was", async () => {
      const now = new Map((await visible()).map((row) => [row.subject_id, row]));
      expect(shown.length).toBeGreaterThan(20);
      for (const row of shown) expect(now.get(row.subject_id)).toEqual(row);
    });

    test("given the site's folder was empty, when everything ran, then the feed has the newest of them", async () => {
      expect(await lackingOnSite()).toEqual([]);
      const feed = JSON.parse(await readFile(join(world.app.config.home, "site", "feed.json"), "utf8"));
      const newest = await world.app.db<{ subject_id: string }[]>`
        select subject_id from lifestream.links where status = 'published' and visibility = 'public'
        order by created_at desc limit 5`;
      const ids: string[] = feed.items.map(({ id }: { id: string }) => id);
      expect(ids).toEqual(expect.arrayContaining(newest.map((row) => row.subject_id)));
    });

    test("given links that were only shared again, when everything ran, then they are published as before", async () => {
      const rows = await world.app.db`
        select l.status, count(*) as count from lifestream.links l
        join lifestream.link_metadata m using (subject_id) join lifestream.publish_state p using (subject_id)
        where p.last_published_at is not null group by 1`;
      expect(rows.map(({ status }) => status)).toEqual(["published"]);
    });

    test("given links that were left behind, when everything ran, then they wait, each with its reason", async () => {
      const rows = await world.app.db`
        select work_type, last_error, count(*) as count from lifestream.work where status = 'dead' group by 1, 2`;
      expect(rows.map(({ work_type, last_error }) => `${work_type}: ${last_error}`).sort()).toEqual([
        "enrich_link: nothing is known of its link",
        'enrich_link: the first system left it at "fetched"',
        "fetch_link: HTTP 404: Not Found",
        "fetch_link: HTTP 410: Gone",
        "fetch_link: connect timeout",
        "fetch_link: nothing is known of its link",
        'fetch_link: the first system left it at "new"',
      ]);
      const [left] = await world.app.db`
        select count(*) as count from lifestream.links l where status not in ('published') and not exists (
          select from lifestream.work w where w.subject_id = l.subject_id and w.status = 'dead')
          and subject_id in (select subject_id from before.events where published_to_kafka)`;
      expect(left?.count).toBe(0);
    });

    test("given the ledger, when it is folded afresh, then every row of every table comes out as it stands", async () => {
      const { app } = world;
      const { registry, db, clock, random } = app;
      const never = new AbortController().signal;
      const report = await verify({ registry, projections: registry.projections, db, clock, random, signal: never });
      const differing = report.tables.filter((table) => table.differing > 0);
      expect(differing.map(({ table, examples }) => [table, ...examples])).toEqual([]);
      // Rows that no event can be about are left as they are.
      expect(report).toMatchObject({ leftByAdoption: 6, onTheirWay: 0, doubled: [], overspent: [] });
    });

    test("given rows that were there, when everything ran, then they are as they were, but for links set back", async () => {
      const { db } = world.app;
      const changed: string[] = [];
      for (const [table, names] of Object.entries(columns).filter(([table]) => !OURS_TO_KEEP.has(table))) {
        const rows = await db<{ row: { subject_id: string; status: string } }[]>`
          select to_jsonb(b) as row from (select ${db(names as string[])} from before.${db(table)}
            except select ${db(names as string[])} from lifestream.${db(table)}) as b`;
        changed.push(...rows.map(({ row }) => `${table} ${row.status} ${row.subject_id}`));
      }
      const setBack = await db`
        select b.subject_id from before.links b join before.link_metadata using (subject_id)
        join before.publish_state p using (subject_id)
        where b.status = 'new' and p.last_published_at is not null`;
      const unpublished = await db`select subject_id from before.links where status = 'enriched'`;
      expect(setBack.length).toBeGreaterThan(0);
      expect(changed.sort()).toEqual(
        [
          ...setBack.map((row) => `links new ${row.subject_id}`),
          ...unpublished.map((row) => `links enriched ${row.subject_id}`),
        ].sort(),
      );
    });
  });
});
