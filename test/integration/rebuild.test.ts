import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { linkAddedEvent } from "../../src/domains/links/index.ts";
import type { NewEvent } from "../../src/engine/event.ts";
import { ingest } from "../../src/pipeline/ingest.ts";
import { rebuild } from "../../src/rebuild/rebuild.ts";
import { isSound, type VerifyReport, verify } from "../../src/rebuild/verify.ts";
import { materializerStages, relayStage } from "../../src/stages.ts";
import { runCommand } from "../support/commands.ts";
import { stateDigest } from "../support/digest.ts";
import { idOf, mixedLinks } from "../support/link-mix.ts";
import { servePages, type TestPages } from "../support/pages.ts";
import { isApplied, settled } from "../support/settled.ts";
import { createTestApp, type TestApp, until } from "../support/test-app.ts";

const TEST_MS = 60_000;
const LINKS = 12;

let pages: TestPages;
let world: TestApp;
let before: Record<string, string>;

beforeAll(async () => {
  pages = await servePages();
  world = await createTestApp({ FETCH_ALLOW_HOSTS: pages.host });
  await capture(...life());
  await world.runUntil(world.stages(), () => settled(world.app));
  before = await stateDigest(world.app);
}, TEST_MS);

afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await pages[Symbol.asyncDispose]();
}, TEST_MS);

/** Some of everything, with links that fail, notes before their link, and readings that come late. */
function life(): NewEvent[] {
  const urls = mixedLinks(pages, LINKS);
  const note = (n: number, url: string): NewEvent => {
    const id = `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
    const payload = { annotation_id: id, link_subject_id: idOf(url), note: `note ${n}` };
    return { type: "annotation.added", subject: "annotation", subjectId: `anno:${id}`, payload };
  };
  const reading = (celsius: number, minute: number): NewEvent => ({
    type: "temp.reading_recorded",
    subject: "sensor",
    subjectId: "sensor:attic",
    payload: { celsius },
    occurredAt: `2026-01-01T00:${String(minute).padStart(2, "0")}:00.000Z`,
  });
  return [
    ...urls.slice(0, 3).map((url, n) => note(n, url)),
    ...urls.map((url, n) => linkAddedEvent({ url, source: "test", ...(n % 2 && { visibility: "public" }) })),
    { type: "todo.created", subject: "todo", subjectId: "t:1", payload: { title: "first" } },
    { type: "todo.created", subject: "todo", subjectId: "t:2", payload: { title: "second" } },
    { type: "todo.completed", subject: "todo", subjectId: "t:1", payload: {} },
    ...[20, 10, 30].map((minute) => reading(minute / 2, minute)),
  ];
}

async function capture(...events: NewEvent[]): Promise<string[]> {
  const { store, registry } = world.app;
  return (await ingest(events, { store, registry, now: () => new Date() })).map(({ id }) => id);
}

const options = (names?: readonly string[]) => {
  const { db, registry, clock, random } = world.app;
  const projections = registry.projections.filter(({ name }) => !names || names.includes(name));
  return { db, registry, projections, clock, random, signal: new AbortController().signal };
};

const differing = ({ tables }: Pick<VerifyReport, "tables">) =>
  Object.fromEntries(tables.filter((table) => table.differing > 0).map((table) => [table.table, table.differing]));

/** Wrongs of every kind: a row too few, one too many, one that is another, one whose parent goes with it. */
async function tamper(): Promise<void> {
  const { db } = world.app;
  await db`update lifestream.todos set status = 'open', completed_at = null where subject_id = 't:1'`;
  await db`delete from lifestream.temperature_readings where celsius = 5`;
  await db`insert into lifestream.temperature_readings values ('sensor:ghost', now(), 99)`;
  await db`delete from lifestream.links where subject_id = ${idOf(`${pages.origin}/ok/0`)}`;
}

beforeEach(async () => {
  await rebuild(options());
  expect(await stateDigest(world.app)).toEqual(before);
}, TEST_MS);

test(
  "given a pipeline that came to rest, when verified, then the tables are what the ledger gives",
  async () => {
    const report = await verify(options());
    expect(differing(report)).toEqual({});
    expect(isSound(report)).toBe(true);
    expect(report).toMatchObject({ onTheirWay: 0, doubled: [], overspent: [], unreadable: { total: 0, first: [] } });
    expect(report.tables.find(({ table }) => table === "links")?.live.rows).toBe(LINKS);
  },
  TEST_MS,
);

test(
  "given rows that were tampered with, when verified, then each is named and the live tables stay as they are",
  async () => {
    await tamper();
    const tampered = await stateDigest(world.app);
    const report = await verify(options());
    expect(differing(report)).toEqual({
      todos: 1,
      temperature_readings: 2,
      links: 1,
      link_content: 1,
      link_metadata: 1,
      annotations: 1,
    });
    expect(isSound(report)).toBe(false);
    expect(await stateDigest(world.app)).toEqual(tampered);
  },
  TEST_MS,
);

test(
  "given an event whose effect is missing, when verified, then that event is named as lost",
  async () => {
    const { db } = world.app;
    await db`
      update lifestream.todos t set status = 'open', completed_at = null, updated_at = e.occurred_at, position = e.position
      from lifestream.events e where e.subject_id = t.subject_id and e.event_type = 'todo.created' and t.subject_id = 't:1'`;
    const [lost] = await db<{ id: string }[]>`select id from lifestream.events where event_type = 'todo.completed'`;
    expect((await verify(options())).explained).toEqual([{ subjectId: "t:1", lost: lost?.id ?? "" }]);
  },
  TEST_MS,
);

test(
  "given rows that were tampered with, when rebuilt, then every row is as before, and a second time nothing changes",
  async () => {
    await tamper();
    expect(Object.keys(differing(await rebuild(options())))).toHaveLength(6);
    expect(await stateDigest(world.app)).toEqual(before);
    expect(differing(await rebuild(options()))).toEqual({});
  },
  TEST_MS,
);

test(
  "given one projection, when rebuilt, then the others stay as they are",
  async () => {
    await tamper();
    expect(differing(await rebuild(options(["todos"])))).toEqual({ todos: 1 });
    expect(Object.keys(differing(await verify(options())))).not.toContain("todos");
  },
  TEST_MS,
);

test(
  "given events that flow, when rebuilt amid them, then nothing is lost and all of it is what the ledger gives",
  async () => {
    let over = false;
    const stages = [relayStage(world.app, { once: false }), ...materializerStages(world.app, { once: false })];
    const flowing = (async () => {
      for (let n = 0; !over; n += 1) {
        await capture({
          type: "todo.created",
          subject: "todo",
          subjectId: `flow:${n % 40}`,
          payload: { title: `${n}` },
        });
      }
    })();
    await world.runUntil(stages, async () => {
      for (let round = 0; round < 3; round += 1) {
        await tamper();
        await rebuild(options());
      }
      over = true;
      await flowing;
      await until(() => isApplied(world.app, ["materializer-v1"]));
      return true;
    });
    expect(differing(await verify(options()))).toEqual({});
    before = await stateDigest(world.app);
  },
  TEST_MS,
);

test(
  "given a rebuild that is killed before it commits, when the next one runs, then it finds everything as it was",
  async () => {
    await tamper();
    const tampered = await stateDigest(world.app);
    const command = ["rebuild", "--all"];
    const killed = await runCommand(command, { ...world.env, FAULT_AT: "rebuild.before-commit" });
    expect(killed.signal).toBe("SIGKILL");
    expect(await stateDigest(world.app)).toEqual(tampered);
    expect((await runCommand(["verify"], world.env)).code).toBe(1);
    expect(await runCommand(command, world.env)).toMatchObject({ code: 0, stderr: "" });
    expect(await stateDigest(world.app)).toEqual(before);
    expect(await runCommand(["verify"], world.env)).toMatchObject({ code: 0, stderr: "" });
  },
  TEST_MS,
);
