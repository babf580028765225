import { startStandInServer } from "../../../src/adapters/llm/stand-in-server.ts";
import { workName } from "../../checker/ends.ts";
import { until } from "../../support/test-app.ts";
import { type AskedStage, startAsked } from "../asked.ts";
import { outcomeOf } from "../findings.ts";
import { Life } from "../life.ts";
import { ANSWER } from "../model.ts";
import type { FaultRow } from "../row.ts";

/** Longer than a Kafka session of ours, which is 10 s. */
const SLOW_MS = 13_000;
const MODEL_TIMEOUT_MS = 15_000;
/** Longer than a lease, which is 20 s without a word. */
const FROZEN_MS = 25_000;

export const hungAgent: FaultRow = {
  number: 18,
  title: "hung agent, model slower than the session",
  expected: "heartbeats go on, the job has a deadline, work is released",
  deadlineSeconds: 90,
  quick: false,
  async run(random) {
    await using life = await Life.begin(random);
    const model = await startStandInServer();
    try {
      model.answers((request, response) => {
        const page = request.body.messages.map(({ content }) => content).join(" ");
        if (page.includes("/ok/hangs")) return; // For ever.
        setTimeout(() => ANSWER(request, response), page.includes("/ok/slow") ? SLOW_MS : 0);
      });
      return await withModel(life, model.baseUrl);
    } finally {
      await model.close();
    }
  },
};

async function withModel(life: Life, baseUrl: string) {
  const { db } = life.world.app;
  const env = { OPENAI_API_KEY: "sk-stand-in", OPENAI_BASE_URL: baseUrl, OPENAI_TIMEOUT_MS: String(MODEL_TIMEOUT_MS) };
  life.startAll(["agent:enricher", "agent:fetcher"]);
  const enricher = await startAsked(life, "agent:enricher", { env });
  const fetcher = life.start("agent:fetcher");
  await life.untilUp();
  for (const path of ["/ok/slow", "/ok/hangs", "/ok/quick"]) await life.captureLink(path);
  await until(async () => (await enriched(life)).has(`${life.pages.origin}/ok/quick`));
  const membership = await membershipOf(enricher);
  if ((await enriched(life)).has(`${life.pages.origin}/ok/slow`)) throw new Error("the slow one was not slow");

  await life.capture(60);
  await life.untilBusy();
  process.kill(fetcher.pid, "SIGSTOP");
  const startedAt = performance.now();
  life.start("agent:fetcher", { as: "second fetcher" });
  await until(async () => performance.now() - startedAt > FROZEN_MS, FROZEN_MS + 5_000);
  process.kill(fetcher.pid, "SIGCONT");
  const recoveredMs = await life.untilSettled(90_000);
  const [slow, hung] = [await enrichment(life, "/ok/slow"), await enrichment(life, "/ok/hangs")];
  if (slow !== "done after 1") throw new Error(`the slow answer's work is ${slow}`);
  if (hung !== "dead after 3") throw new Error(`the work without an answer is ${hung}`);
  const kept = await membershipOf(enricher);
  if (kept !== membership) throw new Error(`the enricher lost its place in the group: ${membership}, then ${kept}`);
  const [released] = await db<{ n: number }[]>`
    select count(*) as n from lifestream.work where work_type = 'fetch_link' and status = 'done' and attempt = 2`;
  if (!released?.n) throw new Error("nothing of the frozen fetcher's work was done by the other");
  return await outcomeOf(
    life,
    `a model that took ${SLOW_MS / 1_000} s, one that never answered, a fetcher frozen for ${FROZEN_MS / 1_000} s`,
    recoveredMs,
    ["the enricher kept its place in the group", `${released.n} of the frozen fetcher's pages read by another`],
    // The model never answers for it, and each attempt has a deadline.
    { givenUp: [workName("enrich_link", `${life.pages.origin}/ok/hangs`)] },
  );
}

/** How often the stage was given partitions, and how often its membership failed. */
async function membershipOf({ metric }: AskedStage): Promise<string> {
  const [assigned, failed] = [
    await metric("stream_group_rebalances_total"),
    await metric("stream_group_interruptions_total"),
  ];
  if (!assigned) throw new Error("the enricher has no partitions");
  return `${assigned} assigned, ${failed} interrupted`;
}

/** How the work on a page's summary ended, after how many attempts. */
async function enrichment({ world, pages }: Life, path: string): Promise<string> {
  const [work] = await world.app.db<{ end: string }[]>`
    select w.status || ' after ' || w.attempt as end from lifestream.work w join lifestream.links l using (subject_id)
    where w.work_type = 'enrich_link' and l.url = ${`${pages.origin}${path}`}`;
  return work?.end ?? "not there";
}

/** Addresses of links that have their summary. */
async function enriched({ world }: Life): Promise<Set<string>> {
  const rows = await world.app.db<{ url: string }[]>`
    select url from lifestream.links join lifestream.link_metadata using (subject_id)`;
  return new Set(rows.map(({ url }) => url));
}
