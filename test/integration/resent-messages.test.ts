/** Messages to agents that were lost and sent again: written down where `status` and the page read it. */
import { afterAll, expect, test } from "bun:test";
import { linkAddedEvent } from "../../src/domains/links/index.ts";
import { ingest } from "../../src/pipeline/ingest.ts";
import { killLeftCommands, runCommand } from "../support/commands.ts";
import { createDatabaseLogins } from "../support/database-logins.ts";
import { createTestApp, type TestApp } from "../support/test-app.ts";

const TEST_MS = 60_000;
const EMBEDDED = { STREAM_TRANSPORT: "embedded", KAFKA_BROKERS: "" };
const TOPIC = "work.fetch_link";
const LEASE = { name: "dispatcher", holder: "test" };
const DELETED = "retention deleted them before an agent took them";
const PASSED = "their agent had passed them without taking them, as where retention deleted them";

afterAll(killLeftCommands);

/** Links whose messages lie in the fetcher's topic; no agent runs. */
async function queueLinks(world: TestApp, count: number): Promise<void> {
  const { db, store, registry } = world.app;
  const links = Array.from({ length: count }, (_, n) => linkAddedEvent({ url: `http://a.test/${n}`, source: "test" }));
  await ingest(links, { store, registry, now: () => new Date() });
  const sending = (await world.stages()).filter(({ name }) => ["relay", "router", "dispatcher"].includes(name));
  await world.runUntil(sending, async () => {
    const [queued] = await db<{ n: number }[]>`select count(*) as n from lifestream.work where status = 'queued'`;
    return queued?.n === count;
  });
}

/** As after the dispatcher has sent them once more, to where they were. */
const sendAgain = ({ app: { db } }: TestApp) => db`
  update lifestream.work set status = 'queued' where status = 'pending'`;
const ends = ({ app: { log } }: TestApp) => log.endOffsets([TOPIC]);

/** The agents' group has read all that is there. */
async function passAll(world: TestApp): Promise<void> {
  for (const [key, end] of await ends(world)) {
    await world.app.db`
      insert into lifestream.kafka_offsets (consumer_group, topic, partition, last_offset)
      values ('fetcher-agent-v2', ${TOPIC}, ${Number(key.split(":")[1])}, ${end - 1})`;
  }
}

test(
  "given messages that retention deleted, when they are sent again under the router's rights, then status and the page's source say so",
  async () => {
    await using world = await createTestApp(EMBEDDED);
    await queueLinks(world, 3);
    await using logins = await createDatabaseLogins(world);
    const { leases, schedule } = logins.app("router").store;
    await leases.acquire(LEASE, 60_000);
    expect(await schedule.requeueDeleted(LEASE, await ends(world))).toBe(3);
    expect(await schedule.requeueDeleted(LEASE, await ends(world))).toBe(0);

    const { stdout } = await runCommand(["status"], world.env);
    expect(stdout).toMatch(new RegExp(`\\nmessages sent again\\n  [-:.\\d ]+ UTC, 3 messages: ${DELETED}\\n`));
    const { resent } = JSON.parse((await runCommand(["status", "--json"], world.env)).stdout);
    expect(resent).toEqual({ total: 1, latest: [{ at: expect.any(String), messages: 3, reason: DELETED }] });
  },
  TEST_MS,
);

test(
  "given an agent that passed messages by, when the sweep finds them, then it is written down, and of many times the last five",
  async () => {
    await using world = await createTestApp(EMBEDDED);
    await queueLinks(world, 2);
    await using logins = await createDatabaseLogins(world);
    const { leases, schedule } = logins.app("router").store;
    await leases.acquire(LEASE, 60_000);
    for (let time = 0; time < 6; time++) {
      await schedule.requeueDeleted(LEASE, await ends(world));
      await sendAgain(world);
    }
    await passAll(world);
    expect(await schedule.sweep(LEASE)).toEqual({ expired: 0, lost: 2 });
    expect(await schedule.sweep(LEASE)).toEqual({ expired: 0, lost: 0 });

    const { stdout } = await runCommand(["status"], world.env);
    const times = [PASSED, ...Array.from({ length: 4 }, () => DELETED)];
    const lines = times.map((reason) => `  [-:.\\d ]+ UTC, 2 messages: ${reason}\\n`).join("");
    expect(stdout).toMatch(new RegExp(`\\nmessages sent again\\n${lines}  and 2 times before\\n`));
    expect(await world.app.db`select number from lifestream.resent_messages`).toHaveLength(5);
  },
  TEST_MS,
);
