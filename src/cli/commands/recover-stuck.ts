import { hostname } from "node:os";
import {
  findStuckWork,
  type LogEnds,
  requeue,
  type StuckWork,
  unhandled,
} from "../../adapters/postgres/failures-stuck.ts";
import type { App } from "../../app.ts";
import { findStuckLinks, nextStep } from "../../domains/links/stuck.ts";
import type { NewEvent } from "../../engine/event.ts";
import { requestWork, workAct } from "../../engine/failure-acts.ts";
import { count } from "../../engine/web/parts.ts";
import { ingest } from "../../pipeline/ingest.ts";
import { MATERIALIZER_GROUP } from "../../pipeline/materializer.ts";
import { ROUTER_GROUP } from "../../pipeline/router.ts";
import { readModelOf } from "../../server.ts";
import type { CommandInput } from "../command.ts";
import { openCommandApp } from "../context.ts";
import { plain } from "../format.ts";
import { requireKafka } from "../require-kafka.ts";
import { person } from "./dlq.ts";

const LEASE_MS = 10_000;
const MOVED: Record<StuckWork["remedy"], string> = {
  sweep: "the dispatcher's sweep takes it up",
  requeue: "due again",
  redrive: "another round",
  none: "nothing to move",
};

/** Finds work and links without a way on, says why, and moves them on. */
export async function recoverStuck({ options }: CommandInput): Promise<void> {
  await using app = await openCommandApp("recover:stuck");
  await requireKafka(app);
  const stuck = await findStuck(app);
  for (const { subjectId, type, why, remedy } of stuck.work) {
    console.log(`${plain(subjectId)}  ${plain(type)}  ${why}  (${MOVED[remedy]})`);
  }
  for (const { link, step } of stuck.links) {
    console.log(`${plain(link.subjectId)}  ${link.status}, and nothing is done about it  (asks for ${step.type})`);
  }
  const found = stuck.work.length + stuck.links.length;
  if (found === 0) return console.log("nothing is stuck");
  if (options.dryRun) return console.log(`${count(found, "item")} would be moved on`);
  await moveOn(app, stuck, options);
  const idle = stuck.work.filter(({ remedy }) => remedy === "none").length;
  console.log(`${count(found - idle, "item")} moved on${idle > 0 ? `; ${idle} wait for a program to be started` : ""}`);
}

/** What is stuck just now, with the next step of each link. */
export async function findStuck(app: App) {
  const ends = await workEnds(app);
  const { read } = readModelOf(app);
  const both = [ROUTER_GROUP, MATERIALIZER_GROUP];
  const found = await read(async (sql) => ({
    work: await findStuckWork(sql, ends),
    links: await findStuckLinks(sql, unhandled(sql, "l", both) as never),
  }));
  const links = [];
  for (const link of found.links) {
    links.push({ link, step: nextStep(link, await app.store.ledger.ofSubject(link.subjectId)) });
  }
  return { work: found.work, links };
}

async function workEnds({ log, registry }: App): Promise<LogEnds> {
  const { topicIds } = await log.identity([...registry.work.values()].map(({ topic }) => topic));
  const ends = await log.endOffsets([...topicIds.keys()]);
  return [...ends].map(([key, end]) => {
    const cut = key.lastIndexOf(":");
    return { topic: key.slice(0, cut), partition: Number(key.slice(cut + 1)), end };
  });
}

/** Moves on what was found: by the dispatcher's own means, or by events. */
export async function moveOn(
  { store, registry }: App,
  { work, links }: Awaited<ReturnType<typeof findStuck>>,
  options: CommandInput["options"],
): Promise<void> {
  const by = (remedy: StuckWork["remedy"]) => work.filter((one) => one.remedy === remedy);
  if (by("sweep").length > 0) await sweep(store);
  const lost = by("requeue").map(({ id }) => id);
  if (lost.length > 0) await store.transaction((tx) => requeue(tx.sql, lost));
  const deciding = person(options, "recovered");
  const events: NewEvent[] = [
    ...by("redrive").map((one) => workAct("redriven", one, { ...deciding, reason: one.why })),
    ...links.map(({ link, step }) => requestWork(step, { ...deciding, reason: `stuck at ${link.status}` })),
  ];
  await ingest(events, { store, registry, now: () => new Date() });
}

/** As the dispatcher does; one that runs does so by itself, and keeps the lease. */
async function sweep({ leases, schedule }: App["store"]): Promise<void> {
  const lease = { name: "dispatcher", holder: `recover:${hostname()}:${process.pid}` };
  if (!(await leases.acquire(lease, LEASE_MS))) return;
  try {
    await schedule.sweep(lease);
  } finally {
    await leases.release(lease);
  }
}
