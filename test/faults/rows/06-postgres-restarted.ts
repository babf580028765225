import { Admin } from "@platformatic/kafka";
import { startOwnServers } from "../../support/own-servers.ts";
import { until } from "../../support/test-app.ts";
import { outcomeOf } from "../findings.ts";
import { Life } from "../life.ts";
import type { FaultRow } from "../row.ts";

const AWAY_MS = 10_000;
/** Groups that have a position by then: router, materializer, fetcher, enricher. */
const READING = 4;
const READ_WITHIN_MS = 60_000;
/** What was committed before is told to the broker within a second. */
const LATE_MS = 2_500;

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
    await until(async () => (await groupsOf(life)).length >= READING, READ_WITHIN_MS);
    const groups = await groupsOf(life);
    await postgres.stop();
    await Bun.sleep(LATE_MS);
    const away = await committed(life, groups);
    await Bun.sleep(AWAY_MS - LATE_MS);
    const still = await committed(life, groups);
    await postgres.start();
    requireStill({ away, still, stored: await stored(life) });
    await life.capture(400);
    await life.untilBusy();
    await postgres.kill();
    await postgres.start();
    await life.capture(100);
    const recoveredMs = await life.untilSettled(90_000);
    return await outcomeOf(life, "stopped for 10 s, then kill -9, each amid work", recoveredMs, [
      `${still.size} positions of ${groups.length} groups where they were`,
    ]);
  },
};

/** Next offsets by group, topic and partition. */
type Places = ReadonlyMap<string, number>;

async function groupsOf({ world: { app } }: Life): Promise<string[]> {
  const rows = await app.db<{ name: string }[]>`select distinct consumer_group as name from lifestream.kafka_offsets`;
  return rows.map(({ name }) => name);
}

/** Where consumers are by what they told the broker: the only position that could move while Postgres is away. */
async function committed({ world: { env } }: Life, groups: readonly string[]): Promise<Places> {
  const admin = new Admin({ clientId: "test", bootstrapBrokers: (env.KAFKA_BROKERS ?? "").split(",") });
  const prefix = env.KAFKA_TOPIC_PREFIX ?? "";
  try {
    const told = await admin.listConsumerGroupOffsets({ groups: groups.map((group) => `${prefix}${group}`) });
    return new Map(
      told.flatMap(({ groupId, topics }) =>
        topics.flatMap(({ name, partitions }) =>
          partitions.map(
            ({ partitionIndex, committedOffset }) =>
              [`${groupId} ${name}:${partitionIndex}`.replaceAll(prefix, ""), Number(committedOffset)] as const,
          ),
        ),
      ),
    );
  } finally {
    await admin.close();
  }
}

/** Where they are by Postgres, which is the position that counts. */
async function stored({ world: { app } }: Life): Promise<Places> {
  const rows = await app.db<{ place: string; next: number }[]>`
    select consumer_group || ' ' || topic || ':' || partition as place, last_offset + 1 as next
    from lifestream.kafka_offsets`;
  return new Map(rows.map(({ place, next }) => [place, next]));
}

/** Nobody moved on without Postgres, and nobody was told of a place that it does not have. */
function requireStill({ away, still, stored }: { away: Places; still: Places; stored: Places }): void {
  if (still.size === 0) throw new Error("no consumer told the broker where it is");
  const moved = [...still].filter(([place, next]) => away.get(place) !== next);
  if (moved.length > 0) throw new Error(`moved while Postgres was away: ${moved.join("; ")}`);
  const ahead = [...still].filter(([place, next]) => next > (stored.get(place) ?? 0));
  if (ahead.length > 0) throw new Error(`ahead of Postgres: ${ahead.join("; ")}`);
}
