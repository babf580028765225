import type { FaultProxy } from "../faults/proxy.ts";
import type { PostgresMeter } from "../support/postgres-meter.ts";
import type { Life } from "./life.ts";

/** The longest pause between two tries is 10 s, and a broker needs some seconds to start. */
export const BACK_MS = 45_000;

/** Relay, router, dispatcher, materializer, tag catalog and three agents; two of them once more as a process. */
const LOOPS = 10;
/** What a loop may log in one outage, however slow the machine: its reasons, and that it goes on. */
const LINES = 6 * LOOPS;

/** What is counted in a window: log lines, statements, connections that were tried, and seconds of one core. */
export type Measure = "lines" | "statements" | "postgres" | "kafka" | "cpu";

/** How much of it may be seen: so much whatever the window, and so much more for each second of it. */
interface Bound {
  readonly atFirst: number;
  readonly perSecond: number;
}

/**
 * A third more than was ever seen. Of connections some come at first, whatever the window: pauses between tries begin short
 * and double, so that in its first seconds a loop tries Postgres two or three times more than in as many later ones, and
 * Kafka, whose client tries three times for each try of the loop, eight times more.
 */
const BOUNDS: Readonly<Record<Measure, Bound>> = {
  lines: { atFirst: LINES, perSecond: 0 },
  // Most of them are polls.
  statements: { atFirst: 0, perSecond: 60 },
  postgres: { atFirst: 2.5 * LOOPS, perSecond: 14 },
  kafka: { atFirst: 8 * LOOPS, perSecond: 30 },
  // A loop that spins takes a whole core, or its share of a busy machine. Seen is a twentieth.
  cpu: { atFirst: 0, perSecond: 0.3 },
};

/** A time in which something is away, or nothing happens. */
export interface Phase {
  readonly name: string;
  /** Postgres takes nobody in, so that no statement can be seen. */
  readonly unasked?: boolean;
  away(): Promise<void>;
  back(): Promise<void>;
}

/** What stands before the servers and counts who comes, from any process. */
export interface Meters {
  readonly postgres: PostgresMeter;
  readonly kafka: FaultProxy;
}

/** How loud it was. */
export interface Loudness {
  /** In the window; null: nobody could be seen doing it. */
  readonly counts: Readonly<Record<Measure, number | null>>;
  readonly lastedS: number;
  /** From the end of the outage until an event flows; null: it never did. */
  readonly goesOnAfterMs: number | null;
  /** All that was logged until then. */
  readonly inAll: readonly string[];
  /** What is not as it has to be. */
  readonly problems: readonly string[];
}

/** Lets one outage happen for so long, and sees that everything goes on by itself afterwards. */
export async function loudness(
  { unasked = false, away, back }: Phase,
  life: Life,
  { meters, windowMs }: { meters: Meters; windowMs: number },
): Promise<Loudness> {
  await away();
  const told = life.listen();
  const before = countsOf(meters, life);
  const awayAt = performance.now();
  await Bun.sleep(windowMs);
  const after = countsOf(meters, life);
  // A busy machine sleeps longer than it was asked to.
  const lastedS = (performance.now() - awayAt) / 1_000;
  const counts = {
    lines: told().length,
    statements: unasked ? null : after.statements - before.statements,
    postgres: after.postgres - before.postgres,
    kafka: after.kafka - before.kafka,
    // Of the process that used most.
    cpu: Math.max(...after.cpu.map((used, n) => used - (before.cpu[n] ?? 0))),
  };
  await back();
  const startedAt = performance.now();
  const goesOnAfterMs = await life.flows(BACK_MS).then(
    () => performance.now() - startedAt,
    () => null,
  );
  const inAll = told();
  const problems = [
    ...tooMuch(counts, lastedS),
    ...(goesOnAfterMs === null ? ["does not go on"] : []),
    ...(inAll.length > LINES ? [`${inAll.length} lines in all`] : []),
  ];
  return { counts, lastedS, goesOnAfterMs, inAll, problems };
}

const countsOf = ({ postgres, kafka }: Meters, life: Life) => ({
  statements: postgres.seen.statements,
  postgres: postgres.seen.connections,
  kafka: kafka.tried(),
  cpu: life.cpuSeconds(),
});

function tooMuch(counts: Loudness["counts"], lastedS: number): string[] {
  return (Object.keys(BOUNDS) as Measure[]).flatMap((what) => {
    const { atFirst, perSecond } = BOUNDS[what];
    const most = atFirst + perSecond * lastedS;
    const count = counts[what] ?? 0;
    return count > most ? [`${what}: ${count.toFixed(1)} in ${lastedS.toFixed(1)} s, above ${most.toFixed(1)}`] : [];
  });
}
