import { startOwnServers } from "../../support/own-servers.ts";
import { outcomeOf } from "../findings.ts";
import { Life } from "../life.ts";
import { startLoad } from "../load.ts";
import type { FaultRow } from "../row.ts";

const ROUNDS = 3;

export const brokerKilled: FaultRow = {
  number: 5,
  title: "broker killed and restarted mid-batch",
  expected: "waits, resumes, no gap",
  says: [/(?=.*waiting)(?=.*Kafka)/i],
  deadlineSeconds: 90,
  quick: false,
  async run(random) {
    await using servers = await startOwnServers();
    const { kafka, postgres } = servers;
    await using life = await Life.begin(random, {
      links: 0.03,
      servers: { databaseUrl: postgres.address, kafkaBrokers: kafka.address },
    });
    life.startAll();
    const load = startLoad(life, { batch: 50, everyMs: 200 });
    for (let round = 0; round < ROUNDS; round += 1) {
      await life.untilBusy();
      await kafka.kill();
      await Bun.sleep(2_000 * random());
      await kafka.start();
    }
    await load.stop();
    return await outcomeOf(life, `kill -9 of the broker, ${ROUNDS} times under load`, await life.untilSettled(90_000));
  },
};
