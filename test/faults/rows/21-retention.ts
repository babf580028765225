import { Admin } from "@platformatic/kafka";
import { EVENTS_TOPIC } from "../../../src/engine/topics.ts";
import { isApplied } from "../../support/settled.ts";
import { until } from "../../support/test-app.ts";
import { outcomeOf } from "../findings.ts";
import { Life, type StageName } from "../life.ts";
import type { FaultRow } from "../row.ts";
import { requireNotAskedAgain } from "./20-topic-anew.ts";
import { requireFlows } from "./flows.ts";

const READERS: readonly StageName[] = ["router", "kafka:materialize"];

export const retention: FaultRow = {
  number: 21,
  title: "retention passed the consumers, an agent first",
  expected: "noticed, forwarded again from the ledger; never a silent jump",
  says: [
    /retention deleted messages before an agent took them: sending them again/,
    /retention deleted \d+ records.*the whole ledger flows again/,
  ],
  deadlineSeconds: 90,
  quick: false,
  async run(random) {
    await using life = await Life.begin(random, { model: true });
    const { store } = life.world.app;
    life.startAll();
    await life.capture(150);
    await life.untilSettled(60_000);
    const messages = await passEnricher(life);
    const asked = life.asked();
    for (const stage of READERS) await life.kill(stage);
    await life.capture(150);
    await until(async () => (await store.outbox.pending()) === 0);
    await deleteAll(life, EVENTS_TOPIC);
    for (const stage of READERS) life.start(stage);
    await life.capture(50);
    const recoveredMs = await life.untilSettled(90_000);
    requireNotAskedAgain(asked, life.asked());
    await requireFlows(life, /^retention deleted \d+ records/);
    const injected = `${messages} messages to the enricher deleted unread, then 150 events`;
    return await outcomeOf(life, injected, recoveredMs);
  },
};

/** Deletes the messages to an agent that is away, and waits until it has done that work all the same. Returns how many. */
async function passEnricher(life: Life): Promise<number> {
  const { app } = life.world;
  const open = () => app.db<{ what: string; count: number }[]>`
    select work_type || ' ' || status as what, count(*) as count from lifestream.work
    where status not in ('done', 'dead', 'discarded') group by 1`;
  const isAllSent = async () => {
    const [only, ...others] = await open();
    return others.length === 0 && only?.what === "enrich_link queued" && (await isApplied(app, ["router-v1"]));
  };
  await life.kill("agent:enricher");
  await life.capture(60);
  await until(isAllSent, 60_000);
  const [queued] = await open();
  await deleteAll(life, "work.enrich_link");
  life.start("agent:enricher");
  await life.untilSettled(60_000);
  return queued?.count ?? 0;
}

/** What retention does, at once. */
async function deleteAll({ world: { app, env } }: Life, topic: string): Promise<void> {
  const admin = new Admin({ clientId: "test", bootstrapBrokers: (env.KAFKA_BROKERS ?? "").split(",") });
  const ends = await app.log.endOffsets([topic]);
  const partitions = [...ends].map(([key, end]) => ({ partition: Number(key.split(":")[1]), offset: BigInt(end) }));
  await admin.deleteRecords({ topics: [{ name: `${env.KAFKA_TOPIC_PREFIX}${topic}`, partitions }] });
  await admin.close();
}
