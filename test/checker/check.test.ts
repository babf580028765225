/** A checker that finds nothing is worth nothing: each wrong that it looks for is made by hand, and must be found. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { App } from "../../src/app.ts";
import { DEAD_LETTER_TOPIC } from "../../src/engine/topics.ts";
import { allStages } from "../../src/stages.ts";
import { capture, isHopeless } from "../faults/mixture.ts";
import { servePages, type TestPages } from "../support/pages.ts";
import { seededRandom } from "../support/random.ts";
import { settled } from "../support/settled.ts";
import { createTestApp, type TestApp } from "../support/test-app.ts";
import { checkLife } from "./check.ts";
import { endsOf, type MeantEnds } from "./ends.ts";
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
    expect(await endsOf(world.app, { isHopeless })).toEqual({ wrong: [], abandoned: [] });
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
  await undone(wrong, async (app) => {
    const findings = await checkLife(app);
    expect(findings[kind].join("\n")).toContain(said);
  });
});

const GIVE_UP = `update lifestream.work set status = 'dead', last_error = 'oh'
  where id = (select min(id::text)::uuid from lifestream.work where status = 'done' and work_type = 'enrich_link')`;
const WITH_EXPIRED = `${GIVE_UP}; insert into lifestream.events (occurred_at, source, subject, subject_id, event_type, payload)
  select now(), 'agent:enricher', 'link', subject_id, 'work.failed', jsonb_build_object('error_class', 'lease_expired',
    'work_message', jsonb_build_object('id', id)) from lifestream.work where last_error = 'oh'`;
const SET_ASIDE = `insert into lifestream.dead_letters (id, stage, topic, kafka_partition, kafka_offset, error, error_class)
  values (gen_random_uuid(), 'router', 'events.raw', 0, 7, 'oh', 'wrong_shape')`;

test.each<[what: string, wrong: string, meant: Omit<MeantEnds, "isHopeless">, said: RegExp]>([
  ["work on a good page that was given up", GIVE_UP, {}, /can be had: enrich_link of http.*\/ok\/.* attempts.*: oh$/],
  ["work that was given up and whose agent had answered", GIVE_UP, { agentsDie: true }, /can be had: enrich_link of/],
  ["work that was given up as its agent was gone, and none was to go", WITH_EXPIRED, {}, /1 of them without an answer/],
  [
    "work on a hopeless page that was not given up",
    "update lifestream.work set status = 'done' where status = 'dead'",
    {},
    /^not given up, and the link is error: http.*\/404\//,
  ],
  [
    "a good page that nobody published",
    "update lifestream.links set status = 'fetched' where status = 'published'",
    {},
    /^not given up, and the link is fetched: http.*\/ok\//,
  ],
  [
    "work that was to be given up and was not",
    "",
    { givenUp: ["enrich_link of x"] },
    /^not given up: enrich_link of x$/,
  ],
  ["a record set aside", SET_ASIDE, {}, /^set aside, .*: wrong_shape of events.raw:0 at 7: oh$/],
  ["a record that was to be set aside and was not", "", { aside: ["x"] }, /^not set aside: record x$/],
])("given %s, made by hand, when the ends are looked at, then it is found", async (_, wrong, meant, said) => {
  await undone(wrong, async (app) => {
    expect((await endsOf(app, { isHopeless, ...meant })).wrong).toContainEqual(expect.stringMatching(said));
  });
});

test("given work on a good page each of whose agents was gone, when agents are killed, then it may be given up", async () => {
  await undone(WITH_EXPIRED, async (app) => {
    const { wrong, abandoned } = await endsOf(app, { isHopeless, agentsDie: true });
    expect(wrong).toEqual([]);
    expect(abandoned).toEqual([expect.stringMatching(/^enrich_link of http.*\/ok\//)]);
  });
});

/** Does this to the database, looks at it, and takes it back. */
async function undone(wrong: string, look: (app: App) => Promise<void>): Promise<void> {
  const takenBack = new Error("undone");
  await world.app.db
    .begin(async (tx) => {
      await tx.unsafe(wrong);
      await look({ ...world.app, db: tx as never });
      throw takenBack;
    })
    .catch((error) => {
      if (error !== takenBack) throw error;
    });
}

test("given a dead letter that was sent once more, when checked, then it is found", async () => {
  const { app } = world;
  const [first] = await lettersInTopic(app);
  const [id, round] = first?.split("/") ?? [];
  const value = JSON.stringify({ original_work: { id, round: Number(round) } });
  await app.log.append(DEAD_LETTER_TOPIC, [{ key: "x", value, headers: {} }]);
  expect((await checkLife(app)).doubled).toEqual([`one more dead letter of ${first}`]);
});
