import { afterAll, expect, test } from "bun:test";
import { linkAddedEvent } from "../../src/domains/links/index.ts";
import type { NewEvent } from "../../src/engine/event.ts";
import { ingest } from "../../src/pipeline/ingest.ts";
import { killLeftCommands, type Running, startCommand } from "../support/commands.ts";
import { groupShares } from "../support/group-shares.ts";
import { DEAD_HOST, mixedLinks } from "../support/link-mix.ts";
import { servePages } from "../support/pages.ts";
import { expectSameEnd } from "../support/same-end.ts";
import { settled } from "../support/settled.ts";
import { createTestApp, type TestApp, until } from "../support/test-app.ts";

const TEST_MS = 150_000;
const PARTITIONS = 6;
const LINKS = 90;
const READINGS = 3_000;
/** Slow enough that the agents are at work when one of them is killed. */
const PAGE_MS = 40;

/** How many machines run each stage; one of each is killed under load. */
const SCALED = { router: 2, "kafka:materialize": 2, "agent:fetcher": 3 } as const;
const GROUPS = {
  router: "router-v1",
  "kafka:materialize": "materializer-v1",
  "agent:fetcher": "fetcher-agent-v2",
} as const;
const STAGES = Object.keys(SCALED) as (keyof typeof SCALED)[];
const SINGLE = ["kafka:publish", "agent:enricher", "agent:publisher"];

afterAll(killLeftCommands);

test(
  "given stages that share six partitions, when one process of each is killed under load, then its share moves and nothing is lost",
  async () => {
    await using pages = await servePages({ delayMs: PAGE_MS });
    await using world = await createTestApp(
      { FETCH_ALLOW_HOSTS: `${pages.host},${DEAD_HOST}` },
      { partitions: PARTITIONS },
    );
    const processes = new Map<string, Running[]>(SINGLE.map((stage) => [stage, [startCommand([stage], world.env)]]));
    for (const stage of STAGES) {
      processes.set(
        stage,
        Array.from({ length: SCALED[stage] }, () => startCommand([stage], world.env)),
      );
    }
    for (const stage of STAGES) await until(() => isShared(world, stage, SCALED[stage]), TEST_MS);

    const urls = mixedLinks(pages, LINKS);
    await ingestAll(world, urls);
    await until(async () => pages.requests.size >= LINKS / 6, TEST_MS);
    expect(await settled(world.app)).toBe(false);
    for (const stage of STAGES) await processes.get(stage)?.shift()?.kill();

    for (const stage of STAGES) await until(() => isShared(world, stage, SCALED[stage] - 1), TEST_MS);
    await until(() => settled(world.app), TEST_MS);
    await expectSameEnd(world, pages, urls);
    const [readings] = await world.app.db`select count(*) as n from lifestream.temperature_readings`;
    expect(readings?.n).toBe(READINGS);
    for (const left of [...processes.values()].flat()) expect((await left.stop()).code).toBe(0);
  },
  TEST_MS,
);

/** True once that many members own all partitions, none of them more than its even share. */
async function isShared(world: TestApp, stage: keyof typeof SCALED, members: number): Promise<boolean> {
  const shares = await groupShares(world, GROUPS[stage]);
  const even = shares.every((share) => share === PARTITIONS / members);
  return shares.length === members && even;
}

async function ingestAll({ app }: TestApp, urls: readonly string[]): Promise<void> {
  const links = urls.map((url) => linkAddedEvent({ url, source: "test", visibility: "public" }));
  const readings = Array.from({ length: READINGS }, (_, n): NewEvent => {
    const occurredAt = new Date(Date.UTC(2026, 0, 1) + n * 1_000).toISOString();
    const subjectId = `sensor:${n % 20}`;
    return { type: "temp.reading_recorded", subject: "sensor", subjectId, occurredAt, payload: { celsius: n % 30 } };
  });
  await ingest([...links, ...readings], { store: app.store, registry: app.registry, now: () => new Date() });
}
