import { connect } from "../../src/adapters/postgres/connect.ts";
import { type Life, STAGES, type StageName } from "../faults/life.ts";
import type { OwnServers } from "../support/own-servers.ts";

const DOWN_MS = 1_000;
const FROZEN_MS = 4_000;

type Mischief = (life: Life, servers: OwnServers, random: () => number) => Promise<string>;

/** By how often each comes, of all. */
const KINDS: readonly (readonly [weight: number, mischief: Mischief])[] = [
  [10, killStage],
  [3, terminateConnections],
  [2, freezeBroker],
  [1, killBroker],
  [1, killPostgres],
];

/** Brings one fault about, and its end; says which. `sparing`: no stage is killed. */
export async function mischief(
  life: Life,
  servers: OwnServers,
  { random, sparing }: { random: () => number; sparing: boolean },
): Promise<string> {
  const kinds = KINDS.filter(([, kind]) => !sparing || kind !== killStage);
  let at = random() * kinds.reduce((sum, [weight]) => sum + weight, 0);
  for (const [weight, kind] of kinds) {
    at -= weight;
    if (at < 0) return kind(life, servers, random);
  }
  return freezeBroker(life, servers, random);
}

async function killStage(life: Life, _: OwnServers, random: () => number): Promise<string> {
  const stage = STAGES[Math.floor(random() * STAGES.length)] as StageName;
  await life.kill(stage);
  await Bun.sleep(random() * DOWN_MS);
  life.start(stage);
  // Whoever meets an outage before they ever were in end with a sentence, for a supervisor to start them again.
  await life.untilUp();
  return "stage killed";
}

async function terminateConnections(life: Life): Promise<string> {
  const db = connect({ url: life.world.app.databaseUrl, name: "mischief", maxConnections: 1 });
  try {
    await db`
      select pg_terminate_backend(pid) from pg_stat_activity
      where application_name like 'stream-agents %' and pid <> pg_backend_pid() and random() < 0.5`;
  } catch (error) {
    throw new Error("connections could not be ended", { cause: error });
  } finally {
    await db.end();
  }
  return "connections ended";
}

async function freezeBroker(_: Life, { kafka }: OwnServers, random: () => number): Promise<string> {
  kafka.freeze();
  await Bun.sleep(random() * FROZEN_MS);
  kafka.thaw();
  return "broker frozen";
}

async function killBroker(_: Life, { kafka }: OwnServers): Promise<string> {
  await kafka.kill();
  await kafka.start();
  return "broker killed";
}

async function killPostgres(_: Life, { postgres }: OwnServers): Promise<string> {
  await postgres.kill();
  await postgres.start();
  return "Postgres killed";
}
