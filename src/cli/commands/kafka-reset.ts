import { hostname } from "node:os";
import { createInterface } from "node:readline/promises";
import { UserError } from "../../engine/errors.ts";
import { count } from "../../engine/web/parts.ts";
import { aloneResetting, clusterChanged, requireNobodyLive, resetTopics } from "../../pipeline/reset.ts";
import type { CommandInput } from "../command.ts";
import { openCommandApp } from "../context.ts";
import { liveStages } from "../live-stages.ts";
import { requireKafka } from "../require-kafka.ts";

const DEADLINE_MS = 120_000;

export async function kafkaReset({ options }: CommandInput): Promise<void> {
  await using app = await openCommandApp("kafka:reset", { withAgents: true });
  await requireKafka(app);
  const { log, store, registry, clock } = app;
  const { forwarding, leases } = store;
  const { topics } = registry;
  const target = { log, forwarding, topics };
  if (options.ifClusterChanged && !(await clusterChanged(target))) {
    console.log("same cluster: nothing to do");
    return;
  }
  if (!options.yes) await confirm(topics.map((topic) => topic.name));
  const holder = `${hostname()}:${process.pid}`;
  const events = await aloneResetting({ leases, clock, holder }, async () => {
    // What starts from here on waits, so whoever runs is seen.
    if (!options.force) await requireNobodyLive(target, await liveStages(app));
    if ((await forwarding.resetUnderWay()).size > 0) console.log("completing a reset that was interrupted");
    // Asked first: no topic is deleted for a ledger that cannot flow again.
    await forwarding.knownIdentity();
    await resetTopics({ ...target, signal: clock.deadline(DEADLINE_MS) });
    return store.outbox.pending();
  });
  console.log(
    `topics recreated; ${count(events, "event")} flow again as soon as the relay runs; nothing is fetched or paid for twice`,
  );
}

async function confirm(topics: readonly string[]): Promise<void> {
  if (!process.stdin.isTTY) throw new UserError("this deletes topics: confirm with --yes", 2);
  const ask = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await ask.question(`Delete and recreate ${topics.join(", ")}? The ledger in Postgres stays. [y/N] `);
  ask.close();
  if (!/^y(es)?$/i.test(answer.trim())) throw new UserError("nothing was done");
}
