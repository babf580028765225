import { EVENTS_TOPIC } from "../../../src/engine/topics.ts";
import { runCommand } from "../../support/commands.ts";
import { until } from "../../support/test-app.ts";
import { outcomeOf } from "../findings.ts";
import { Life, type StageName } from "../life.ts";
import type { FaultRow } from "../row.ts";

const AWAY: StageName = "kafka:materialize";
/** The relay tries to share keys among new partitions every 20 s. */
const SHARED_WITHIN_MS = 60_000;

export const morePartitions: FaultRow = {
  number: 19,
  title: "partitions 3 -> 6",
  expected: "order per subject holds; those that run read the new ones, too",
  deadlineSeconds: 90,
  quick: false,
  async run(random) {
    await using life = await Life.begin(random);
    const { log, store } = life.world.app;
    const capture = async (times: number) => {
      for (let n = 0; n < times; n += 1) await life.capture(50);
    };
    life.startAll();
    await capture(6);
    await life.leave(AWAY, { abruptly: false });
    await capture(4);
    await until(async () => (await store.outbox.pending()) === 0);
    const unread = await unreadIn(life);
    if (unread < 200) throw new Error(`only ${unread} records are unread`);
    const grown = await runCommand(["kafka:init", "--partitions", `${EVENTS_TOPIC}=6`, "--yes"], life.world.env);
    if (grown.code !== 0) throw new Error(`partitions were not added: ${grown.stderr || grown.stdout}`);
    await capture(3);
    life.start(AWAY);
    await capture(3);
    const recoveredMs = await life.untilSettled(90_000);
    await until(async () => (await store.forwarding.partitions()) === 6, SHARED_WITHIN_MS);
    await capture(6);
    await life.untilSettled(90_000);
    const ends = [...(await log.endOffsets([EVENTS_TOPIC])).values()];
    if (ends.length !== 6 || ends.some((end) => end === 0)) throw new Error(`partitions end at ${ends.join(", ")}`);
    const injected = `three more amid ${unread} unread records, all but one stage running, then the same subjects`;
    return await outcomeOf(life, injected, recoveredMs);
  },
};

/** Records that the materializer has yet to read. */
async function unreadIn({ world: { app } }: Life): Promise<number> {
  const ends = await app.log.endOffsets([EVENTS_TOPIC]);
  const rows = await app.db<{ partition: number; next: number }[]>`
    select partition, last_offset + 1 as next from lifestream.kafka_offsets
    where consumer_group = 'materializer-v1' and topic = ${EVENTS_TOPIC}`;
  const read = rows.reduce((sum, { next }) => sum + next, 0);
  return [...ends.values()].reduce((sum, end) => sum + end, 0) - read;
}
