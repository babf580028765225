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
/** Between two captures: as fast as it can, a fast machine would have more to make up for than there is time. */
const CAPTURE_EVERY_MS = 100;
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
        says: /^waiting: Kafka: the disk .* is full/,
        place: () => forwarded(life),
        ofLedger: false,
      }),
      await whileFull(life, {
        disk: disks.folder("postgres"),
        server: postgres,
        loud: "kafka:materialize",
        says: /^waiting: Postgres .*make room on its disk/,
        place: () => materialized(life),
        ofLedger: true,
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
  /** The stage that has to say something, and what. */
  readonly loud: StageName;
  readonly says: RegExp;
  /** How far it has come. */
  readonly place: () => Promise<number>;
  /** Then captures are refused, and what still fits moves on, together with its effects; else nothing moves. */
  readonly ofLedger: boolean;
}

/** Fills the disk, goes on capturing until the stage says that it waits, then makes room. Returns what was seen. */
async function whileFull(life: Life, { disk, server, loud, says, place, ofLedger }: FullDisk): Promise<string> {
  const stderr = () => life.running().get(loud)?.printed().stderr ?? "";
  const before = stderr().length;
  const waits = () => messagesIn(stderr().slice(before)).filter((message) => says.test(message));
  const ballast = join(disk, "ballast");
  let [captured, refused] = [0, 0];
  const captureAnyway = async () => {
    captured += 1;
    await life.capture(50).catch(() => {
      refused += 1; // As a whole: nothing is in the ledger.
    });
    await Bun.sleep(CAPTURE_EVERY_MS);
  };
  fill(ballast);
  const startedAt = performance.now();
  await until(async () => {
    await captureAnyway();
    fill(ballast);
    return performance.now() - startedAt > FULL_MS && waits().length > 0;
  }, 60_000);
  const meanwhile = async () => {
    await captureAnyway();
    fill(ballast);
  };
  const moved = await movedWhile(place, meanwhile);
  const said = waits();
  if (moved && !ofLedger) throw new Error(`moved on by ${moved} while the disk was full`);
  if (ofLedger && refused === 0) throw new Error("the ledger took everything while its disk was full");
  rmSync(ballast);
  // A server may give up on a full disk, also a moment later; who has made room starts it again.
  await until(async () => {
    if (server.hasDied()) await server.start();
    return life.capture(1).then(
      () => true,
      () => false,
    );
  }, 60_000);
  const [first = ""] = said;
  return `${loud} ${howFar(moved)}, ${refused} of ${captured} captures were refused, told ${said.length} times: "${first.slice(0, 90)}"`;
}

function howFar(moved: number | null): string {
  if (moved === null) return "waited for a server that had stopped itself";
  return moved > 0 ? `moved on by ${moved} records that still fitted` : "stood still";
}

/** How far a stage came while work went on before a full disk; null: the server is down, and moves nothing. */
async function movedWhile(place: () => Promise<number>, meanwhile: () => Promise<void>): Promise<number | null> {
  const before = await place().catch(() => null);
  const startedAt = performance.now();
  while (performance.now() - startedAt < STILL_MS) await meanwhile();
  const after = await place().catch(() => null);
  return before === null || after === null ? null : after - before;
}

/** Events that the relay has sent. */
async function forwarded({ world }: Life): Promise<number> {
  const [row] = await world.app.db<{ n: number }[]>`
    select count(*) as n from lifestream.events where published_to_kafka`;
  return row?.n ?? 0;
}

/** Records that the materializer has behind it. */
async function materialized({ world }: Life): Promise<number> {
  const [row] = await world.app.db<{ n: number }[]>`
    select sum(last_offset + 1)::bigint as n from lifestream.kafka_offsets where consumer_group = 'materializer-v1'`;
  return row?.n ?? 0;
}

/** What a stage tells, line by line. */
function messagesIn(stderr: string): string[] {
  return stderr.split("\n").flatMap((line) => {
    try {
      return [String(JSON.parse(line).msg)];
    } catch {
      return [];
    }
  });
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
