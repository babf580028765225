/** `kafka:reset` as a process of its own on Kafka, killed wherever it can be, and run again. */
import { afterAll, expect, test } from "bun:test";
import { linkAddedEvent } from "../../src/domains/links/index.ts";
import { ingest } from "../../src/pipeline/ingest.ts";
import { allStages } from "../../src/stages.ts";
import { killLeftCommands, runCommand } from "../support/commands.ts";
import { stateDigest } from "../support/digest.ts";
import { servePages } from "../support/pages.ts";
import { settled } from "../support/settled.ts";
import { createTestApp, type TestApp, until } from "../support/test-app.ts";

const POINTS = ["planned", "deleted", "gone", "created", "before-start", "started"];
const TEST_MS = 300_000;
const LINKS = 12;
/** The lease of a killed reset runs out after 10 s. */
const AGAIN_MS = 60_000;

afterAll(killLeftCommands);

const settle = (world: TestApp) => world.runUntil(allStages(world.app, { once: false }), () => settled(world.app));

/** What the topics are now, without their identity. */
async function topics({ app: { log, registry } }: TestApp): Promise<Record<string, number>> {
  const survey = await log.describeTopics(registry.topics.map(({ name }) => name));
  return Object.fromEntries(survey.topics.map(({ name, replicas }) => [name, replicas.length]));
}

/** Asks until the killed one does not count any more. */
async function resetAgain(world: TestApp): Promise<void> {
  await until(async () => {
    const { code, stdout, stderr } = await runCommand(["kafka:reset", "--yes"], world.env);
    if (code === 0) return true;
    expect([stdout, stderr].join("")).toMatch(/another reset is under way|still running/);
    return false;
  }, AGAIN_MS);
}

test(
  "given a reset that is killed at each of its steps, when it is run again, then topics and state are whole and nobody was asked again",
  async () => {
    await using pages = await servePages();
    await using world = await createTestApp({ FETCH_ALLOW_HOSTS: pages.host });
    const { store, registry } = world.app;
    const links = Array.from({ length: LINKS }, (_, n) =>
      linkAddedEvent({ url: `${pages.origin}/ok/${n}`, source: "t" }),
    );
    await ingest(links, { store, registry, now: () => new Date() });
    await settle(world);
    const before = { state: await stateDigest(world.app), topics: await topics(world), asked: new Map(pages.requests) };

    for (const point of POINTS) {
      const env = { ...world.env, FAULT_AT: `reset.${point}` };
      const killed = await runCommand(["kafka:reset", "--yes"], env);
      expect([point, killed.signal]).toEqual([point, "SIGKILL"]);
      await resetAgain(world);
      expect([point, await topics(world)]).toEqual([point, before.topics]);
      await settle(world);
      expect([point, await stateDigest(world.app)]).toEqual([point, before.state]);
    }
    expect(pages.requests).toEqual(before.asked);
    expect((await runCommand(["verify"], world.env)).code).toBe(0);
  },
  TEST_MS,
);
