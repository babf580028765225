/** A checker that finds nothing is worth nothing: each wrong that it looks for is made by hand, and must be found. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { DEAD_LETTER_TOPIC } from "../../src/engine/topics.ts";
import { allStages } from "../../src/stages.ts";
import { capture } from "../faults/mixture.ts";
import { servePages, type TestPages } from "../support/pages.ts";
import { seededRandom } from "../support/random.ts";
import { settled } from "../support/settled.ts";
import { createTestApp, type TestApp } from "../support/test-app.ts";
import { checkLife } from "./check.ts";
import { lettersInTopic } from "./letters.ts";

const TEST_MS = 60_000;
const NOTHING = { lost: [], doubled: [], problems: [] };

let pages: TestPages;
let world: TestApp;

beforeAll(async () => {
  pages = await servePages();
  world = await createTestApp({
    FETCH_ALLOW_HOSTS: pages.host,
    STREAM_TRANSPORT: "embedded",
    KAFKA_BROKERS: "",
  });
  const captureSome = capture(world.app, pages.origin, seededRandom(1));
  await captureSome(300);
  await world.runUntil(allStages(world.app, { once: false }), () => settled(world.app), TEST_MS);
}, TEST_MS);

afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await pages[Symbol.asyncDispose]();
});

test(
  "given a life that came to rest, when checked, then nothing is lost, doubled or otherwise wrong",
  async () => {
    expect(await checkLife(world.app)).toEqual(NOTHING);
  },
  TEST_MS,
);

test.each([
  [
    "lost",
    "todo:",
    "update lifestream.todos set status = 'open' where subject_id = (select min(subject_id) from lifestream.todos where status = 'done')",
  ],
  [
    "lost",
    "temperature_readings",
    "delete from lifestream.temperature_readings where ctid = (select min(ctid) from lifestream.temperature_readings)",
  ],
  [
    "lost",
    "temperature_latest",
    "update lifestream.temperature_latest set celsius = -1 where subject_id = (select min(subject_id) from lifestream.temperature_latest)",
  ],
  [
    "lost",
    "links",
    "update lifestream.links set visibility = 'private' where subject_id = (select min(subject_id) from lifestream.links)",
  ],
  [
    "lost",
    "link_metadata",
    "update lifestream.link_metadata set tags = '{}' where subject_id = (select min(subject_id) from lifestream.link_metadata)",
  ],
  [
    "lost",
    "publish_state",
    "update lifestream.publish_state set dirty = true where subject_id = (select min(subject_id) from lifestream.publish_state)",
  ],
  [
    "lost",
    "annotations",
    "delete from lifestream.annotations where annotation_id = (select min(annotation_id::text)::uuid from lifestream.annotations)",
  ],
  [
    "lost",
    "was not handled",
    "update lifestream.kafka_offsets set last_offset = last_offset - 1 where consumer_group = 'router-v1'",
  ],
  ["doubled", "temperature_readings", "insert into lifestream.temperature_readings values ('sensor:ghost', now(), 1)"],
  [
    "doubled",
    "content.fetched",
    "insert into lifestream.events (occurred_at, source, subject, subject_id, event_type, payload, causation_id) select occurred_at, source, subject, subject_id, event_type, payload, causation_id from lifestream.events where event_type = 'content.fetched' limit 1",
  ],
  [
    "problems",
    "attempts of",
    "update lifestream.work set attempt = attempts_before + max_attempts + 1 where id = (select min(id::text)::uuid from lifestream.work)",
  ],
  ["problems", "no dead letter of", "update lifestream.work set round = round + 1 where status = 'dead'"],
  ["problems", "dead letter of", "update lifestream.work set dead_letter_sent_at = null where status = 'dead'"],
] as const)("given %s: %s, made by hand, when checked, then it is found", async (kind, said, wrong) => {
  const { db } = world.app;
  const undone = new Error("undone");
  await db
    .begin(async (tx) => {
      await tx.unsafe(wrong);
      const findings = await checkLife({ ...world.app, db: tx as never });
      expect(findings[kind].join("\n")).toContain(said);
      throw undone;
    })
    .catch((error) => {
      if (error !== undone) throw error;
    });
});

test("given a dead letter that was sent once more, when checked, then it is found", async () => {
  const { app } = world;
  const [first] = await lettersInTopic(app);
  const [id, round] = first?.split("/") ?? [];
  const value = JSON.stringify({ original_work: { id, round: Number(round) } });
  await app.log.append(DEAD_LETTER_TOPIC, [{ key: "x", value, headers: {} }]);
  expect((await checkLife(app)).doubled).toEqual([`one more dead letter of ${first}`]);
});
