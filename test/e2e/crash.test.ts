import { afterAll, expect, test } from "bun:test";
import { linkAddedEvent } from "../../src/domains/links/index.ts";
import { ingest } from "../../src/pipeline/ingest.ts";
import { killLeftCommands, type Running, startCommand } from "../support/commands.ts";
import { DEAD_HOST, expectedStatuses, failsForGood, mixedLinks, statuses } from "../support/link-mix.ts";
import { servePages, type TestPages } from "../support/pages.ts";
import { seededRandom, shuffled, testSeed } from "../support/random.ts";
import { readTopic } from "../support/read-topic.ts";
import { settled } from "../support/settled.ts";
import { createTestApp, type TestApp, until } from "../support/test-app.ts";

const TEST_MS = 90_000;
const LINKS = 60;
/** Slow enough that a process can be killed amid the work. */
const PAGE_MS = 25;

afterAll(killLeftCommands);

test.concurrent(
  "given 60 links, when the whole is killed amid the work and started again, then the end is the same",
  async () => {
    await using pages = await servePages({ delayMs: PAGE_MS });
    await using world = await createTestApp({ FETCH_ALLOW_HOSTS: `${pages.host},${DEAD_HOST}` });
    const urls = await addLinks(world, pages);

    const first = startCommand(["start"], world.env);
    await until(async () => (await countPublished(world)) > 0, TEST_MS);
    expect((await first.kill()).signal).toBe("SIGKILL");
    expect(await settled(world.app)).toBe(false);

    await endWorkLeases(world, "%");
    const second = startCommand(["start"], world.env);
    await until(() => settled(world.app), TEST_MS);
    await expectSameEnd(world, pages, urls);
    expect((await second.stop()).code).toBe(0);
  },
  TEST_MS,
);

test.concurrent(
  "given 60 links, when single stages are killed at any moment and started again, then the end is the same",
  async () => {
    const random = seededRandom(testSeed("killed stages"));
    await using pages = await servePages({ delayMs: PAGE_MS });
    await using world = await createTestApp({ FETCH_ALLOW_HOSTS: `${pages.host},${DEAD_HOST}` });
    const killed = shuffled(["kafka:publish", "router", "kafka:materialize", "agent:fetcher"], random);
    const stages = new Map<string, Running>();
    const run = (stage: string) => stages.set(stage, startCommand([stage], world.env));
    for (const stage of [...killed, "agent:enricher", "agent:publisher"]) run(stage);
    await until(async () => (await consumersAtWork(world)) === 2, TEST_MS);
    const urls = await addLinks(world, pages);

    for (const stage of killed) {
      await Bun.sleep(random() * 600);
      await stages.get(stage)?.kill();
      if (stage === "agent:fetcher") await endWorkLeases(world, "fetch_link");
      run(stage);
    }
    await until(() => settled(world.app), TEST_MS);
    await expectSameEnd(world, pages, urls);
    await Promise.all([...stages.values()].map((stage) => stage.stop()));
  },
  TEST_MS,
);

async function addLinks({ app }: TestApp, pages: TestPages): Promise<string[]> {
  const urls = mixedLinks(pages, LINKS);
  const events = urls.map((url) => linkAddedEvent({ url, source: "test", visibility: "public" }));
  await ingest(events, { store: app.store, registry: app.registry, now: () => new Date() });
  return urls;
}

async function countPublished({ app }: TestApp): Promise<number> {
  const [row] = await app.db<{ n: number }[]>`
    select count(*) as n from lifestream.events where event_type = 'publish.completed'`;
  return row?.n ?? 0;
}

/** How many of relay and dispatcher hold their lease: then the processes are up. */
async function consumersAtWork({ app }: TestApp): Promise<number> {
  const [row] = await app.db<{ n: number }[]>`
    select count(*) as n from lifestream.leases where name in ('relay', 'dispatcher') and expires_at > now()`;
  return row?.n ?? 0;
}

/** A killed agent's attempts end when their lease runs out, at last: puts the clock forward for them. */
async function endWorkLeases({ app }: TestApp, workType: string): Promise<void> {
  await app.db`
    update lifestream.work set lease_until = clock_timestamp() where status = 'running' and work_type like ${workType}`;
}

async function expectSameEnd(world: TestApp, pages: TestPages, urls: readonly string[]): Promise<void> {
  expect(await statuses(world.app)).toEqual(expectedStatuses(urls));
  await expectNothingTwice(world);
  await expectNoRequestUncounted(world, pages);
  await expectDeadLetters(world, urls.filter(failsForGood).length);
}

/** Each link is one subject, and each effect is reported once: by one cause, one event of a type. */
async function expectNothingTwice({ app }: TestApp): Promise<void> {
  const doubled = await app.db`
    select causation_id, event_type from lifestream.events where event_type <> 'work.failed' and causation_id is not null
    group by 1, 2 having count(*) > 1`;
  expect(doubled).toEqual([] as never);
  const read = await app.db`
    select subject_id, event_type, count(*) as n from lifestream.events
    where event_type in ('link.added', 'content.fetched', 'enrichment.completed') group by 1, 2 having count(*) > 1`;
  expect(read).toEqual([] as never);
  const failed = await app.db`
    select subject_id, payload->'work_message'->>'attempt' as attempt from lifestream.events
    where event_type = 'work.failed' group by 1, 2, payload->'work_message'->>'id' having count(*) > 1`;
  expect(failed).toEqual([] as never);
  const [count] = await app.db`
    select (select count(*) from lifestream.subjects) as subjects, (select count(*) from lifestream.links) as links`;
  expect(count).toMatchObject({ subjects: LINKS, links: LINKS });
}

/** A page may be asked for again after a crash, but only as another attempt that counts. */
async function expectNoRequestUncounted({ app }: TestApp, pages: TestPages): Promise<void> {
  const rows = await app.db<{ url: string; attempt: number }[]>`
    select payload->>'url' as url, attempt from lifestream.work where work_type = 'fetch_link'`;
  const attempts = new Map(rows.map(({ url, attempt }) => [new URL(url).pathname, attempt]));
  const uncounted = [...pages.requests].filter(([path, asked]) => asked > (attempts.get(path) ?? 0));
  expect(uncounted).toEqual([]);
  expect(pages.requests.size).toBe(rows.filter(({ url }) => url.startsWith(pages.origin)).length);
}

/** One for each work id that ended dead; a crash between sending and noting it may repeat that one. */
async function expectDeadLetters(world: TestApp, expected: number): Promise<void> {
  const dead = await world.app.db<{ id: string }[]>`select id from lifestream.work where status = 'dead' order by id`;
  expect(dead.length).toBe(expected);
  const letters = (await readTopic(world, "work.dead_letter")).map((value) => JSON.parse(value).original_work.id);
  expect([...new Set(letters)].sort()).toEqual(dead.map(({ id }) => id));
  if (letters.length > dead.length) console.log(`${letters.length - dead.length} dead letters were sent twice`);
}
