import { DEAD_LETTER_TOPIC } from "../../../src/engine/topics.ts";
import { ensureTopics } from "../../../src/pipeline/topics.ts";
import { until } from "../../support/test-app.ts";
import { outcomeOf } from "../findings.ts";
import { Life } from "../life.ts";
import type { FaultRow } from "../row.ts";

const FAILING = 5;
/** Six processes start, on a machine that may have more to do. */
const STARTED_MS = 120_000;
/** A lease of 20 s, and the sweep at the pace of a loop that waits. */
const SWEPT_MS = 60_000;

export const noDeadLetterTopic: FaultRow = {
  number: 27,
  title: "dead-letter topic unavailable",
  expected: "dead letters stay unsent and are sent later, once; other work and the sweep go on",
  says: [/(?=.*waiting)(?=.*work\.dead_letter)/],
  deadlineSeconds: 60,
  quick: false,
  async run(random) {
    await using life = await Life.begin(random);
    const { db, log, registry } = life.world.app;
    const count = async (condition: string) =>
      (await db.unsafe<{ n: number }[]>(`select count(*) as n from lifestream.work where ${condition}`))[0]?.n ?? 0;
    life.startAll();
    await life.captureLink("/ok/before");
    await until(async () => life.pages.requests.size > 0, STARTED_MS);
    await killedAmidBurial(life);
    await log.deleteTopics([DEAD_LETTER_TOPIC]);
    for (let n = 0; n < FAILING; n += 1) await life.captureLink(`/404/buried/${n}`);
    await until(async () => (await count("status = 'dead' and dead_letter_sent_at is null")) === FAILING);
    // An agent dies with a page in hand, and nobody but the sweep can tell.
    await life.kill("agent:fetcher");
    const dying = life.start("agent:fetcher", { env: { FAULT_AT: "agent.before-effect" } });
    await life.captureLink("/ok/meanwhile");
    await dying.ended;
    await until(async () => (await count("error_class = 'lease_expired'")) > 0, SWEPT_MS);
    life.start("agent:fetcher");
    await until(async () => (await count("work_type = 'publish_link' and status = 'done'")) === 2);
    if ((await count("dead_letter_sent_at is not null")) > 1)
      throw new Error("a dead letter counts as sent, and there is no topic for it");
    await ensureTopics(log, registry.topics);
    // What was in the deleted topic is sent again once the relay has noticed that it is another one.
    await until(async () => (await db`select 1 from lifestream.ledger_flows`).length > 0);
    await life.capture(60);
    const recoveredMs = await life.untilSettled(60_000);
    const injected = `a router killed amid sending, the topic deleted, ${FAILING} pieces of work given up, an agent killed, the topic made`;
    return await outcomeOf(life, injected, recoveredMs);
  },
};

/** A dead letter that was sent by a router that died before it could mark it. The checker counts it. */
async function killedAmidBurial(life: Life): Promise<void> {
  await life.kill("router");
  const dying = life.start("router", { env: { FAULT_AT: "dispatcher.after-burial" } });
  await life.captureLink("/404/first");
  const { signal } = await dying.ended;
  if (signal !== "SIGKILL") throw new Error("the router did not die at dispatcher.after-burial");
  life.start("router");
  await life.untilSettled(60_000);
}
