import { startOwnServers } from "../../support/own-servers.ts";
import { outcomeOf } from "../findings.ts";
import { Life } from "../life.ts";
import type { FaultRow } from "../row.ts";

const AWAY_MS = 10_000;

export const postgresRestarted: FaultRow = {
  number: 6,
  title: "Postgres stopped for 10 s, then killed and recovered",
  expected: "consumers wait, no position moves",
  says: [/(?=.*waiting)(?=.*Postgres)/i],
  deadlineSeconds: 90,
  quick: false,
  async run(random) {
    await using servers = await startOwnServers();
    const { kafka, postgres } = servers;
    await using life = await Life.begin(random, {
      servers: { databaseUrl: postgres.address, kafkaBrokers: kafka.address },
    });
    life.startAll();
    await life.capture(400);
    await life.untilBusy();
    await postgres.stop();
    await Bun.sleep(AWAY_MS);
    await postgres.start();
    await life.capture(400);
    await life.untilBusy();
    await postgres.kill();
    await postgres.start();
    await life.capture(100);
    return await outcomeOf(life, "stopped for 10 s, then kill -9, each amid work", await life.untilSettled(90_000));
  },
};
