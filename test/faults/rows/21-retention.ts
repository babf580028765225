import { Admin } from "@platformatic/kafka";
import { EVENTS_TOPIC } from "../../../src/engine/topics.ts";
import { until } from "../../support/test-app.ts";
import { outcomeOf } from "../findings.ts";
import { Life, type StageName } from "../life.ts";
import type { FaultRow } from "../row.ts";
import { requireNotAskedAgain } from "./20-topic-anew.ts";
import { requireFlows } from "./flows.ts";

const READERS: readonly StageName[] = ["router", "kafka:materialize"];

export const retention: FaultRow = {
  number: 21,
  title: "retention passed the consumers",
  expected: "noticed, forwarded again from the ledger; never a silent jump",
  says: [/retention deleted \d+ records.*the whole ledger flows again/],
  deadlineSeconds: 90,
  quick: false,
  async run(random) {
    await using life = await Life.begin(random, { model: true });
    const { store } = life.world.app;
    life.startAll();
    await life.capture(150);
    await life.untilSettled(60_000);
    const asked = life.asked();
    for (const stage of READERS) await life.kill(stage);
    await life.capture(150);
    await until(async () => (await store.outbox.pending()) === 0);
    await deleteAll(life);
    for (const stage of READERS) life.start(stage);
    await life.capture(50);
    const recoveredMs = await life.untilSettled(90_000);
    requireNotAskedAgain(asked, life.asked());
    await requireFlows(life, /^retention deleted \d+ records/);
    return await outcomeOf(life, "150 events deleted from the log before anybody had read them", recoveredMs);
  },
};

/** What retention does, at once. */
async function deleteAll({ world: { app, env } }: Life): Promise<void> {
  const admin = new Admin({ clientId: "test", bootstrapBrokers: (env.KAFKA_BROKERS ?? "").split(",") });
  const ends = await app.log.endOffsets([EVENTS_TOPIC]);
  const partitions = [...ends].map(([key, end]) => ({ partition: Number(key.split(":")[1]), offset: BigInt(end) }));
  await admin.deleteRecords({ topics: [{ name: `${env.KAFKA_TOPIC_PREFIX}${EVENTS_TOPIC}`, partitions }] });
  await admin.close();
}
