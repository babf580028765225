import { readdirSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { EVENTS_TOPIC } from "../../../src/engine/topics.ts";
import { startOwnServers } from "../../support/own-servers.ts";
import { outcomeOf } from "../findings.ts";
import { Life } from "../life.ts";
import type { FaultRow } from "../row.ts";
import { requireNotAskedAgain } from "./20-topic-anew.ts";
import { requireFlows } from "./flows.ts";

export const lostTail: FaultRow = {
  number: 26,
  title: "the broker's disk forgot the tail of the log",
  expected: "noticed, forwarded again from the ledger",
  says: [/has lost its tail.*the whole ledger flows again/],
  deadlineSeconds: 120,
  quick: false,
  async run(random) {
    await using servers = await startOwnServers();
    const { kafka, postgres, home } = servers;
    await using life = await Life.begin(random, {
      model: true,
      servers: { databaseUrl: postgres.address, kafkaBrokers: kafka.address },
    });
    life.startAll();
    await life.capture(300);
    await life.untilSettled(60_000);
    const asked = life.asked();
    await kafka.kill();
    const bytes = cutLogs(join(home, "kafka", "data"), `${life.world.env.KAFKA_TOPIC_PREFIX}${EVENTS_TOPIC}-`);
    await kafka.start();
    await life.capture(100);
    const recoveredMs = await life.untilSettled(120_000);
    requireNotAskedAgain(asked, life.asked());
    await requireFlows(life, /has lost its tail/);
    return await outcomeOf(life, `kill -9, then ${bytes} bytes cut off the topic's files`, recoveredMs);
  },
};

/** Takes the last third of each partition's file, amid a record or not. Returns how many bytes that was. */
function cutLogs(data: string, topic: string): number {
  const files = readdirSync(data)
    .filter((folder) => folder.startsWith(topic))
    .flatMap((folder) => readdirSync(join(data, folder)).map((file) => join(data, folder, file)))
    .filter((file) => file.endsWith(".log"));
  let cut = 0;
  for (const file of files) {
    const { size } = statSync(file);
    const kept = Math.floor((size * 2) / 3);
    truncateSync(file, kept);
    cut += size - kept;
  }
  return cut;
}
