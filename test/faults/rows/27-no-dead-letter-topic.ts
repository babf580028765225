import { DEAD_LETTER_TOPIC } from "../../../src/engine/topics.ts";
import { ensureTopics } from "../../../src/pipeline/topics.ts";
import { startReader } from "../../contract/reader.ts";
import { until } from "../../support/test-app.ts";
import { outcomeOf } from "../findings.ts";
import { Life } from "../life.ts";
import type { FaultRow } from "../row.ts";

const FAILING = 5;

export const noDeadLetterTopic: FaultRow = {
  number: 27,
  title: "dead-letter topic unavailable",
  expected: "dead letters stay unsent and are sent later; other work goes on",
  deadlineSeconds: 60,
  quick: false,
  async run(random) {
    await using life = await Life.begin(random);
    const { db, log, registry } = life.world.app;
    const count = async (condition: string) =>
      (await db.unsafe<{ n: number }[]>(`select count(*) as n from lifestream.work where ${condition}`))[0]?.n ?? 0;
    life.startAll();
    await life.captureLink("/ok/before");
    await life.untilBusy();
    await log.deleteTopics([DEAD_LETTER_TOPIC]);
    for (let n = 0; n < FAILING; n += 1) await life.captureLink(`/404/buried/${n}`);
    await until(async () => (await count("status = 'dead'")) === FAILING);
    await life.captureLink("/ok/meanwhile");
    await until(async () => (await count("work_type = 'publish_link' and status = 'done'")) === 2);
    if ((await count("dead_letter_sent_at is not null")) > 0)
      throw new Error("a dead letter counts as sent, and there is no topic for it");
    await ensureTopics(log, registry.topics);
    await life.capture(60);
    const recoveredMs = await life.untilSettled(60_000);
    await requireOneEach(life);
    return await outcomeOf(life, `the topic deleted, ${FAILING} pieces of work given up, the topic made`, recoveredMs);
  },
};

/** One dead letter in the topic for each piece of work that was given up. */
async function requireOneEach({ world: { app } }: Life): Promise<void> {
  const rows = await app.db<{ id: string }[]>`select id from lifestream.work where status = 'dead' order by id`;
  const reader = startReader(app.log, { group: "faults-dead-letters", topics: [DEAD_LETTER_TOPIC] });
  await until(async () => reader.records.length >= rows.length);
  await reader.stop();
  const sent = reader.records
    .map(({ value }) => JSON.parse(Buffer.from(value ?? []).toString()).original_work.id)
    .sort();
  if (sent.join() !== rows.map(({ id }) => id).join())
    throw new Error(
      `${rows.length} pieces of work were given up, and the topic has dead letters for ${sent.join(" ")}`,
    );
}
