import { createInterface } from "node:readline/promises";
import { UserError } from "../../engine/errors.ts";
import { clusterChanged, resetTopics } from "../../pipeline/reset.ts";
import type { CommandInput } from "../command.ts";
import { openCommandApp } from "../context.ts";
import { requireKafka } from "../require-kafka.ts";

const DEADLINE_MS = 120_000;

export async function kafkaReset({ options }: CommandInput): Promise<void> {
  await using app = openCommandApp("kafka:reset");
  await requireKafka(app);
  const { log, store, registry, logger } = app;
  const signal = AbortSignal.timeout(DEADLINE_MS);
  const reset = { log, forwarding: store.forwarding, topics: registry.topics, logger, signal };
  if (options.ifClusterChanged && !(await clusterChanged(reset))) {
    console.log("same cluster: nothing to do");
    return;
  }
  if (!options.yes) await confirm(registry.topics.map((topic) => topic.name));
  // Asked first: no topic is deleted for a ledger that cannot flow again.
  await store.forwarding.knownIdentity();
  const events = await resetTopics(reset);
  console.log(
    `topics recreated; ${events} events flow again as soon as the relay runs; nothing is fetched or paid for twice`,
  );
}

async function confirm(topics: readonly string[]): Promise<void> {
  if (!process.stdin.isTTY) throw new UserError("this deletes topics: confirm with --yes", 2);
  const ask = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await ask.question(`Delete and recreate ${topics.join(", ")}? The ledger in Postgres stays. [y/N] `);
  ask.close();
  if (!/^y(es)?$/i.test(answer.trim())) throw new UserError("nothing was done");
}
