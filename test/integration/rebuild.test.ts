import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { linkAddedEvent } from "../../src/domains/links/index.ts";
import { messageOf } from "../../src/engine/errors.ts";
import type { NewEvent } from "../../src/engine/event.ts";
import { ingest } from "../../src/pipeline/ingest.ts";
import { rebuild } from "../../src/rebuild/rebuild.ts";
import { isComplete, isSound, type VerifyReport, verify } from "../../src/rebuild/verify.ts";
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
    expect([isSound(report), isComplete(report)]).toEqual([true, true]);
    expect(report).toMatchObject({
      onTheirWay: 0,
      readAfterAll: 0,
      doubled: [],
      overspent: [],
      unreadable: { total: 0, first: [] },
    });
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
    expect((await verify(options())).explained).toEqual([
      { subjectId: "t:1", lost: [lost?.id ?? ""], doubled: [], lookedInto: true },
    ]);
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
    const stages = world.some("relay", "materializer", "catalog");
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

/** Appends an event in a transaction of its own that stays open; returns what commits it. */
async function openAppend(subjectId: string, title: string): Promise<() => Promise<void>> {
  const [begun, commit] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const over = world.app.db.begin(async (tx) => {
    await tx`
      insert into lifestream.events (occurred_at, source, subject, subject_id, event_type, payload)
      values (now(), 'test', 'todo', ${subjectId}, 'todo.created', ${tx.json({ title })})`;
    begun.resolve();
    await commit.promise;
  });
  await begun.promise;
  return async () => {
    commit.resolve();
    await over;
  };
}

/** What the rebuild does not get at first: it has to wait for this table, once, while something happens. */
async function rebuildWhile(happens: () => Promise<void>): Promise<void> {
  const [held, release] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const holder = world.app.db.begin(async (tx) => {
    await tx`lock table lifestream.todos in row exclusive mode`;
    held.resolve();
    await release.promise;
  });
  await held.promise;
  let happened = false;
  const sleep = async () => {
    if (happened) return;
    happened = true;
    await happens();
    release.resolve();
    await holder;
  };
  await rebuild({ ...options(), clock: { ...world.app.clock, sleep } });
  expect(happened).toBe(true);
}

const materialize = () =>
  world.runUntil(world.some("relay", "materializer", "catalog"), () => isApplied(world.app, ["materializer-v1"]));

const title = async (subjectId: string) =>
  (await world.app.db<{ title: string }[]>`select title from lifestream.todos where subject_id = ${subjectId}`)[0]
    ?.title;

test(
  "given an event with an early position, when it is committed and applied amid a rebuild, then its row stays",
  async () => {
    const commit = await openAppend("late:1", "slow");
    await capture({ type: "todo.created", subject: "todo", subjectId: "late:2", payload: { title: "quick" } });
    await rebuildWhile(async () => {
      await commit();
      await materialize();
      expect(await title("late:1")).toBe("slow");
    });
    expect([await title("late:1"), await title("late:2")]).toEqual(["slow", "quick"]);
    expect(differing(await verify(options()))).toEqual({});
    before = await stateDigest(world.app);
  },
  TEST_MS,
);

test(
  "given an event that is still to be moved behind those that were sent, when rebuilt, then it is left to the relay",
  async () => {
    const commit = await openAppend("late:3", "slow");
    await capture({ type: "todo.created", subject: "todo", subjectId: "late:3", payload: { title: "quick" } });
    await materialize();
    await commit();
    await rebuild(options());
    expect(await title("late:3")).toBe("quick");
    await materialize();
    expect(await title("late:3")).toBe("slow");
    expect(differing(await verify(options()))).toEqual({});
    before = await stateDigest(world.app);
  },
  TEST_MS,
);

test(
  "given an event that was folded in its early place, when it is moved behind later ones amid a rebuild, then its new place counts",
  async () => {
    const commit = await openAppend("late:4", "slow");
    await capture({ type: "todo.created", subject: "todo", subjectId: "late:4", payload: { title: "quick" } });
    await commit();
    await rebuildWhile(async () => {
      // As the relay does where it had sent the later one before the earlier one could be seen.
      await world.app.db`
        update lifestream.events set position = nextval(pg_get_serial_sequence('lifestream.events', 'position'))
        where subject_id = 'late:4' and payload->>'title' = 'slow'`;
      await materialize();
    });
    expect(await title("late:4")).toBe("slow");
    expect(differing(await verify(options()))).toEqual({});
    before = await stateDigest(world.app);
  },
  TEST_MS,
);

test(
  "given rows without a subject id that an adoption listed, when rebuilt and verified, then they stay and are only counted",
  async () => {
    const { db } = world.app;
    const left = () => db`
      select title from lifestream.todos where subject_id = '' union all
      select celsius::text from lifestream.temperature_readings where subject_id = '' union all
      select display_name from lifestream.subjects where subject_id = '' order by 1`;
    await db`insert into lifestream.todos (subject_id, title) values ('', 'no id')`;
    await db`insert into lifestream.subjects (subject, subject_id, display_name) values ('todo', '', 'beside it')`;
    await db`insert into lifestream.temperature_readings values ('', '2020-01-01 00:00:00+00', 1), ('', now(), 2)`;
    await db`
      insert into lifestream.adoption_problems (table_name, key, reason) values
        ('todos', 'as it was titled', 'it has no subject id'),
        ('temperature_readings', '2020-01-01 00:00:00+00', 'it has no subject id')`;
    // Only one of the two readings is listed.
    expect(differing(await rebuild(options()))).toEqual({ temperature_readings: 1 });
    expect((await left()).map(({ title }) => title)).toEqual(["1", "beside it", "no id"]);
    expect(await verify(options())).toMatchObject({ leftByAdoption: 3 });
    expect(differing(await verify(options()))).toEqual({});
    for (const table of ["todos", "subjects", "temperature_readings"])
      await db`delete from ${db(`lifestream.${table}`)} where subject_id = ''`;
    await db`delete from lifestream.adoption_problems`;
  },
  TEST_MS,
);

test(
  "given a link that no event tells of and a note on it, when links alone are rebuilt, then the note waits for its link again",
  async () => {
    const { db } = world.app;
    const [ghost, note] = [idOf("https://example.org/ghost"), "00000000-0000-4000-8000-00000000abcd"];
    await db`
      insert into lifestream.links (subject_id, url, url_norm)
      values (${ghost}, 'https://example.org/ghost', 'https://example.org/ghost')`;
    await capture({
      type: "annotation.added",
      subject: "annotation",
      subjectId: `anno:${note}`,
      payload: { annotation_id: note, link_subject_id: ghost, note: "on a ghost" },
    });
    await materialize();
    expect(await db`select from lifestream.annotations where annotation_id = ${note}`).toHaveLength(1);
    expect(differing(await rebuild(options(["links"])))).toMatchObject({ links: 1, annotations: 1, parked_events: 1 });
    expect(differing(await verify(options()))).toEqual({});
    before = await stateDigest(world.app);
  },
  TEST_MS,
);

test(
  "given a table whose trigger changes what is written, when rebuilt, then it says so and nothing is switched",
  async () => {
    const { db } = world.app;
    await tamper();
    const tampered = await stateDigest(world.app);
    await db.unsafe(`
      create function lifestream.shout() returns trigger language plpgsql as
        $$ begin new.status = upper(new.status); return new; end $$;
      create trigger shout before insert or update on lifestream.todos for each row execute function lifestream.shout()`);
    const refused = await rebuild(options()).catch(messageOf);
    await db.unsafe("drop function lifestream.shout cascade");
    expect(refused).toContain("lifestream.todos does not take what the ledger gives");
    expect(await stateDigest(world.app)).toEqual(tampered);
  },
  TEST_MS,
);

/** The ledger flows anew, and nobody has handled anything of that flow yet; until what is returned is called. */
async function flowAnew(): Promise<() => Promise<unknown>> {
  const { db } = world.app;
  await db`update lifestream.outbox_batch set generation = generation + 1`;
  return () => db`update lifestream.outbox_batch set generation = generation - 1`;
}

test(
  "given a ledger that flows anew, when verified, then nothing is called compared before it was handled",
  async () => {
    const handled = await flowAnew();
    const early = await verify(options());
    expect([isSound(early), isComplete(early)]).toEqual([true, false]);
    expect(early.leftOut.onTheirWay).toBeGreaterThan(LINKS);
    const waited = await verify({
      ...options(),
      waitMs: TEST_MS,
      clock: { ...world.app.clock, sleep: async () => void (await handled()) },
    });
    expect([isSound(waited), isComplete(waited)]).toEqual([true, true]);
  },
  TEST_MS,
);

test(
  "given an event that was set aside and can be read now, when verified, then its subject counts as not compared until a rebuild",
  async () => {
    const { db } = world.app;
    const [event] = await db<{ id: string }[]>`
      select id from lifestream.events where subject_id = 't:2' and event_type = 'todo.created'`;
    await db`
      insert into lifestream.dead_letters (id, stage, topic, kafka_partition, kafka_offset, record_value, error, error_class)
      values (gen_random_uuid(), 'materializer', 'events.raw', 0, 0, convert_to(${`{"id":"${event?.id}"}`}, 'UTF8'), 'x', 'x')`;
    await db`delete from lifestream.todos where subject_id = 't:2'`;
    const report = await verify(options());
    expect([isSound(report), isComplete(report)]).toEqual([true, false]);
    expect(report).toMatchObject({ readAfterAll: 1, leftOut: { onTheirWay: 0, readAfterAll: 1 } });
    await rebuild(options());
    expect(isComplete(await verify(options()))).toBe(true);
    await db`delete from lifestream.dead_letters`;
  },
  TEST_MS,
);

test(
  "given wrongs of each kind, when verify is run, then it names each and ends with 1",
  async () => {
    const { db } = world.app;
    const events = await db<{ id: string; subject_id: string }[]>`
      select id, subject_id from lifestream.events where subject = 'annotation' and subject_id like 'anno:00000000-0000-4000-8000-00000000000%'
      order by position`;
    const ids = events.map((event) => event.subject_id);
    await db`delete from lifestream.annotations where subject_id = any(${ids})`;
    await db`delete from lifestream.subjects where subject_id = any(${ids})`;
    await db`update lifestream.todos set title = 'by hand' where subject_id = 't:2'`;
    const twice = await db<{ id: string }[]>`
      insert into lifestream.events (occurred_at, source, subject, subject_id, event_type, payload, causation_id)
      select now(), 'agent:test', 'todo', 't:3', 'todo.created', '{"title": "twice"}', ${events[0]?.id ?? ""}
      from generate_series(1, 2) returning id`;
    const [work] = await db<{ id: string }[]>`
      update lifestream.work set attempt = attempt + 10 where id = (select min(id::text)::uuid from lifestream.work)
      returning id`;
    await materialize();
    const { code, stdout, stderr } = await runCommand(["verify"], world.env);
    await db`update lifestream.work set attempt = attempt - 10 where id = ${work?.id ?? ""}`;
    await db.begin(async (tx) => {
      await tx`alter table lifestream.events disable trigger append_only_delete`;
      await tx`delete from lifestream.events where id = any(${twice.map(({ id }) => id)})`;
      await tx`alter table lifestream.events enable trigger append_only_delete`;
    });
    for (const { id, subject_id } of events) expect(stdout).toContain(`lost: event ${id} of ${subject_id}\n`);
    expect(stdout).toContain(
      "differs: t:2: neither a single event, lost or doubled, explains it nor its last few, lost together",
    );
    expect(stdout).toContain(`doubled: todo.created of t:3: events ${twice.map(({ id }) => id).join(", ")}`);
    expect(stdout).toMatch(new RegExp(`overspent: work ${work?.id} had 1\\d attempts of 3`));
    expect(stdout).toMatch(new RegExp(`^annotations .* ${events.length}: `, "m"));
    expect(stdout).not.toContain("none lost");
    expect([code, stderr]).toEqual([1, expect.stringContaining("tells some effects twice")]);
  },
  TEST_MS,
);

/** What a command printed of a table: cells. */
const rowOf = (stdout: string, table: string) =>
  stdout
    .split("\n")
    .find((line) => line.startsWith(`${table} `))
    ?.split(/ {2,}/) ?? [];

test(
  "given rows that were tampered with, when one projection is rebuilt, then digests before and after are printed",
  async () => {
    await tamper();
    const tampered = await stateDigest(world.app);
    const dryRun = ["rebuild", "todos", "--dry-run"];
    const dry = await runCommand(dryRun, world.env);
    expect([dry.code, dry.stderr]).toEqual([1, expect.stringContaining("1 row would change")]);
    expect(await stateDigest(world.app)).toEqual(tampered);
    const [, rows = "", live = "", folded = ""] = rowOf(dry.stdout, "todos");
    expect(live).not.toBe(folded);
    const one = await runCommand(["rebuild", "todos"], world.env);
    expect(rowOf(one.stdout, "todos")).toEqual(["todos", rows, live, folded, rows, '1: ["t:1"]']);
    expect([one.code, one.stdout]).toEqual([0, expect.stringContaining("1 row brought to what the ledger gives")]);
    expect(await runCommand(dryRun, world.env)).toMatchObject({ code: 0, stderr: "" });
    await rebuild(options());
    const handled = await flowAnew();
    const early = await runCommand(["verify", "--timeout", "0"], world.env);
    await handled();
    expect([early.code, early.stderr]).toEqual([1, expect.stringContaining("could not be compared yet")]);
    expect(early.stdout).not.toContain("none lost");
  },
  TEST_MS,
);

test(
  "given a table that is locked for a while, when a rebuild is tried, then it waits and says what would change",
  async () => {
    const { promise: locked, resolve: isLocked } = Promise.withResolvers<void>();
    const holding = world.app.db.begin(async (tx) => {
      await tx`lock table lifestream.todos in access exclusive mode`;
      isLocked();
      // Longer than connections are given to end.
      await tx`select pg_sleep(3)`;
    });
    await locked;
    const dry = await runCommand(["rebuild", "todos", "--dry-run"], world.env);
    await holding;
    expect(dry).toMatchObject({
      code: 0,
      stderr: "",
      stdout: expect.stringContaining("every row is as the ledger gives"),
    });
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
    const whole = await runCommand(command, world.env);
    expect(whole).toMatchObject({ code: 0, stderr: "" });
    const [, , was, is] = rowOf(whole.stdout, "links");
    expect(was).not.toBe(is);
    expect(await stateDigest(world.app)).toEqual(before);
    const sound = await runCommand(["verify"], world.env);
    expect([sound.code, sound.stderr]).toEqual([0, ""]);
    expect(sound.stdout).toContain("none lost, none doubled");
    expect(rowOf(sound.stdout, "links").slice(2, 4)).toEqual([is ?? "", is ?? ""]);
  },
  TEST_MS,
);
