import { hostname } from "node:os";
import { createInterface } from "node:readline/promises";
import { UserError } from "../../engine/errors.ts";
import { count } from "../../engine/web/parts.ts";
import { clusterChanged, requireNobodyLive, resetTopics } from "../../pipeline/reset.ts";
import { aloneResetting } from "../../pipeline/reset-lease.ts";
import type { CommandInput } from "../command.ts";
import { openCommandApp } from "../context.ts";
import { liveStages } from "../live-stages.ts";
import { requireKafka } from "../require-kafka.ts";

const DEADLINE_MS = 120_000;
/** Another reset waits that long for its cluster; a killed one counts a little longer. */
const OTHER_RESET_MS = DEADLINE_MS + 15_000;
const UNCHANGED = "same cluster: nothing to do";

export async function kafkaReset({ options }: CommandInput): Promise<void> {
  await using app = await openCommandApp("kafka:reset", { withAgents: true });
  await requireKafka(app);
  const { log, store, registry, clock } = app;
  const { forwarding, leases } = store;
  const { topics } = registry;
  const target = { log, forwarding, topics };
  const isUnchanged = async () => Boolean(options.ifClusterChanged) && !(await clusterChanged(target));
  if (await isUnchanged()) return console.log(UNCHANGED);
  if (!options.yes) await confirm(topics.map((topic) => topic.name));
  const holder = `${hostname()}:${process.pid}:${crypto.randomUUID().slice(0, 8)}`;
  // A start script on several machines: one does it, the others go on when it is done.
  const patience = options.ifClusterChanged ? { ms: OTHER_RESET_MS, say: console.log } : undefined;
  const events = await aloneResetting({ leases, clock, holder, patience }, async (held) => {
    // Asked again: another reset may have been here since.
    if (await isUnchanged()) return null;
    // What starts from here on waits, so whoever runs is seen.
    if (!options.force) await requireNobodyLive(target, await liveStages(app));
    if ((await forwarding.resetUnderWay()).size > 0) console.log("completing a reset that was interrupted");
    // Asked first: no topic is deleted for a ledger that cannot flow again.
    await forwarding.knownIdentity();
    await resetTopics({ ...target, held, signal: clock.deadline(DEADLINE_MS) });
    return store.outbox.pending();
  });
  if (events === null) return console.log(UNCHANGED);
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
