import { afterAll, expect, test } from "bun:test";
import { linkAddedEvent } from "../../src/domains/links/index.ts";
import { ingest } from "../../src/pipeline/ingest.ts";
import { killLeftCommands, type Running, startCommand } from "../support/commands.ts";
import { DEAD_HOST, mixedLinks } from "../support/link-mix.ts";
import { servePages, type TestPages } from "../support/pages.ts";
import { seededRandom, shuffled, testSeed } from "../support/random.ts";
import { expectSameEnd } from "../support/same-end.ts";
import { settled } from "../support/settled.ts";
import { createTestApp, type TestApp, until } from "../support/test-app.ts";

const TEST_MS = 180_000;
/** For one of the waits in a test. */
const WAIT_MS = 90_000;
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
    await until(async () => (await countPublished(world)) > 0, WAIT_MS);
    expect((await first.kill()).signal).toBe("SIGKILL");
    expect(await settled(world.app)).toBe(false);

    await endWorkLeases(world, "%");
    const second = startCommand(["start"], world.env);
    await until(() => settled(world.app), WAIT_MS);
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
    await until(async () => (await consumersAtWork(world)) === 2, WAIT_MS);
    const urls = await addLinks(world, pages);

    for (const stage of killed) {
      await Bun.sleep(random() * 600);
      await stages.get(stage)?.kill();
      if (stage === "agent:fetcher") await endWorkLeases(world, "fetch_link");
      run(stage);
    }
    await until(() => settled(world.app), WAIT_MS);
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
