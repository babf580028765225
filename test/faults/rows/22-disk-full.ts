import { spawnSync } from "node:child_process";
import { chmodSync, closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type OwnServer, startOwnServers } from "../../support/own-servers.ts";
import { until } from "../../support/test-app.ts";
import { outcomeOf } from "../findings.ts";
import { Life, type StageName } from "../life.ts";
import type { FaultOutcome, FaultRow } from "../row.ts";

/** As small as each can live on. */
const SIZES = { postgres: "160m", kafka: "64m" };
const FULL_MS = 6_000;
const STILL_MS = 2_000;
const DOWN = "down";
const CHUNK = Buffer.alloc(256 * 1024);

export const diskFull: FaultRow = {
  number: 22,
  title: "disk of the broker full, then that of Postgres",
  expected: "loud, no advance, resumes",
  says: [/(?=.*waiting)(?=.*Kafka)/i, /(?=.*waiting)(?=.*Postgres)/i],
  deadlineSeconds: 120,
  quick: false,
  async run(random) {
    await using disks = await smallDisks();
    if (!disks) return skipped("no right to mount a small tmpfs here");
    await using servers = await startOwnServers((server) => disks.folder(server));
    const { kafka, postgres } = servers;
    await using life = await Life.begin(random, {
      links: 0.05,
      servers: { databaseUrl: postgres.address, kafkaBrokers: kafka.address },
    });
    life.startAll();
    await life.capture(200);
    await life.untilSettled(60_000);
    const said = [
      await whileFull(life, {
        disk: disks.folder("kafka"),
        server: kafka,
        loud: "kafka:publish",
        place: () => forwarded(life),
      }),
      await whileFull(life, {
        disk: disks.folder("postgres"),
        server: postgres,
        loud: "kafka:materialize",
      }),
    ];
    await life.capture(100);
    const recoveredMs = await life.untilSettled(120_000);
    return await outcomeOf(life, `each for ${FULL_MS / 1_000} s under load`, recoveredMs, said);
  },
};

interface FullDisk {
  readonly disk: string;
  readonly server: OwnServer;
  /** The stage that has to say something. */
  readonly loud: StageName;
  /** What must not move as long as the disk is full; absent: what still fits moves on, together with its effects. */
  readonly place?: () => Promise<string>;
}

/** Fills the disk, goes on capturing until the stage says that it cannot work, then makes room. Returns what it said. */
async function whileFull(life: Life, { disk, server, loud, place }: FullDisk): Promise<string> {
  const stderr = () => life.running().get(loud)?.printed().stderr ?? "";
  const before = stderr().length;
  const ballast = join(disk, "ballast");
  const captureAnyway = () => life.capture(50).catch(() => {}); // Refused as a whole: nothing is in the ledger.
  fill(ballast);
  const startedAt = performance.now();
  await until(async () => {
    await captureAnyway();
    fill(ballast);
    return performance.now() - startedAt > FULL_MS && /"level":"?(warn|40)|WARN/i.test(stderr().slice(before));
  }, 60_000);
  const meanwhile = async () => {
    await captureAnyway();
    fill(ballast);
  };
  const stood = place ? await standsStill(place, meanwhile) : "waited";
  const line =
    stderr()
      .slice(before)
      .split("\n")
      .find((text) => /warn|"level":40/i.test(text)) ?? "";
  rmSync(ballast);
  // A server may give up on a full disk, also a moment later; who has made room starts it again.
  await until(async () => {
    if (server.hasDied()) await server.start();
    return life.capture(1).then(
      () => true,
      () => false,
    );
  }, 60_000);
  return `${loud} ${stood} and said "${messageIn(line)}"`;
}

/** Throws where something moved while work went on before a full disk. A server that is down moves nothing. */
async function standsStill(place: () => Promise<string>, meanwhile: () => Promise<void>): Promise<string> {
  const before = await place().catch(() => DOWN);
  const startedAt = performance.now();
  while (performance.now() - startedAt < STILL_MS) await meanwhile();
  const after = await place().catch(() => DOWN);
  if (before === DOWN || after === DOWN) return "waited for a server that had stopped itself";
  if (before !== after) throw new Error(`moved on while the disk was full: from ${before} to ${after}`);
  return "stood still";
}

/** How far the relay has come. */
async function forwarded({ world }: Life): Promise<string> {
  const [row] = await world.app.db<{ n: number }[]>`
    select count(*) as n from lifestream.events where published_to_kafka`;
  return `${row?.n} forwarded`;
}

function messageIn(line: string): string {
  return /"msg":"([^"]{0,90})/.exec(line)?.[1] ?? line.slice(0, 120);
}

/** Writes until nothing more fits. */
function fill(path: string): void {
  const file = openSync(path, "a");
  try {
    for (;;) writeSync(file, CHUNK);
  } catch (error) {
    if ((error as { code?: string }).code !== "ENOSPC") throw error;
  } finally {
    closeSync(file);
  }
}

async function smallDisks() {
  const root = mkdtempSync(join(tmpdir(), "stream-disks-"));
  chmodSync(root, 0o755);
  const folder = (server: keyof typeof SIZES) => join(root, server);
  const mounted: string[] = [];
  const tidy = () => {
    for (const disk of mounted) spawnSync("umount", [disk]);
    rmSync(root, { recursive: true, force: true });
  };
  for (const [server, size] of Object.entries(SIZES)) {
    const disk = folder(server as keyof typeof SIZES);
    spawnSync("mkdir", [disk]);
    const { status } = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${size},mode=755`, "tmpfs", disk]);
    if (status !== 0) {
      tidy();
      return null;
    }
    mounted.push(disk);
  }
  return {
    folder,
    async [Symbol.asyncDispose]() {
      tidy();
    },
  };
}

function skipped(reason: string): FaultOutcome {
  return { injected: "", seen: "", recoveredMs: 0, lost: 0, doubled: 0, skipped: reason };
}
