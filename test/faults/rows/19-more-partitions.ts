import { EVENTS_TOPIC } from "../../../src/engine/topics.ts";
import { runCommand } from "../../support/commands.ts";
import { until } from "../../support/test-app.ts";
import { outcomeOf } from "../findings.ts";
import { Life, type StageName } from "../life.ts";
import type { FaultRow } from "../row.ts";

const READERS: readonly StageName[] = ["router", "kafka:materialize"];

export const morePartitions: FaultRow = {
  number: 19,
  title: "partitions 3 -> 6",
  expected: "order per subject holds",
  deadlineSeconds: 90,
  quick: false,
  async run(random) {
    await using life = await Life.begin(random);
    const { log, store } = life.world.app;
    life.startAll();
    for (let n = 0; n < 6; n += 1) await life.capture(50);
    for (const stage of READERS) await life.leave(stage, { abruptly: false });
    for (let n = 0; n < 4; n += 1) await life.capture(50);
    await until(async () => (await store.outbox.pending()) === 0);
    const unread = await unreadIn(life);
    if (unread < 200) throw new Error(`only ${unread} records are unread`);
    await life.stopAll();
    const grown = await runCommand(["kafka:init", "--partitions", `${EVENTS_TOPIC}=6`, "--yes"], life.world.env);
    if (grown.code !== 0) throw new Error(`partitions were not added: ${grown.stderr || grown.stdout}`);
    life.startAll();
    for (let n = 0; n < 6; n += 1) await life.capture(50);
    const recoveredMs = await life.untilSettled(90_000);
    const partitions = (await log.endOffsets([EVENTS_TOPIC])).size;
    if (partitions !== 6) throw new Error(`there are ${partitions} partitions`);
    return await outcomeOf(life, `three more amid ${unread} unread records, then the same subjects`, recoveredMs);
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
