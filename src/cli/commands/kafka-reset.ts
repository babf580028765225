import { createInterface } from "node:readline/promises";
import type { App } from "../../app.ts";
import { UserError } from "../../engine/errors.ts";
import { count } from "../../engine/web/parts.ts";
import { clusterChanged, requireNobodyLive, resetTopics } from "../../pipeline/reset.ts";
import { readModelOf } from "../../server.ts";
import type { CommandInput } from "../command.ts";
import { openCommandApp } from "../context.ts";
import { requireKafka } from "../require-kafka.ts";

const DEADLINE_MS = 120_000;

export async function kafkaReset({ options }: CommandInput): Promise<void> {
  await using app = await openCommandApp("kafka:reset");
  await requireKafka(app);
  const { log, store, registry } = app;
  const signal = AbortSignal.timeout(DEADLINE_MS);
  const reset = { log, forwarding: store.forwarding, topics: registry.topics, signal };
  if (options.ifClusterChanged && !(await clusterChanged(reset))) {
    console.log("same cluster: nothing to do");
    return;
  }
  if (!options.force) await requireNobodyLive(reset, await liveStages(app));
  const begun = await store.forwarding.resetUnderWay();
  if (begun.size > 0) console.log("completing a reset that was interrupted");
  if (!options.yes) await confirm(registry.topics.map((topic) => topic.name));
  // Asked first: no topic is deleted for a ledger that cannot flow again.
  await store.forwarding.knownIdentity();
  await resetTopics(reset);
  const events = await store.outbox.pending();
  console.log(
    `topics recreated; ${count(events, "event")} flow again as soon as the relay runs; nothing is fetched or paid for twice`,
  );
}

/** What each lease is held by. Leases are renewed while a stage runs, over either log, so no other heartbeat is needed. */
const STAGES: Readonly<Record<string, string>> = {
  relay: "the relay",
  dispatcher: "the router",
  catalog: "the materializer",
};

async function liveStages(app: App): Promise<string[]> {
  const { leases } = await readModelOf(app).health();
  return leases.flatMap(({ name, held, holder }) => (held && STAGES[name] ? [`${STAGES[name]} (${holder})`] : []));
}

async function confirm(topics: readonly string[]): Promise<void> {
  if (!process.stdin.isTTY) throw new UserError("this deletes topics: confirm with --yes", 2);
  const ask = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await ask.question(`Delete and recreate ${topics.join(", ")}? The ledger in Postgres stays. [y/N] `);
  ask.close();
  if (!/^y(es)?$/i.test(answer.trim())) throw new UserError("nothing was done");
}
