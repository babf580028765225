import type { PostgresMeter } from "../support/postgres-meter.ts";
import type { Life } from "./life.ts";

/** The longest pause between two tries is 10 s, and a broker needs some seconds to start. */
export const BACK_MS = 45_000;

/** Relay, router, dispatcher, materializer, tag catalog and three agents; two of them once more as a process. */
const LOOPS = 10;
/** What a loop may log in one outage, however slow the machine: its reasons, and that it goes on. */
const LINES = 6 * LOOPS;
/** At most: lines in the window, the others per second. Polls are most of the statements. */
const BOUNDS = { lines: LINES, statements: 60, postgres: 15, kafka: 40 };
/** A loop that loses its server tries again at once, and once more soon: connections that come whatever the window. */
const AT_ONCE = 3 * LOOPS;

/** A time in which something is away, or nothing happens. */
export interface Phase {
  readonly name: string;
  away(): Promise<void>;
  back(): Promise<void>;
}

/** How loud it was. */
export interface Loudness {
  /** Logged by all in the window. */
  readonly lines: number;
  /** Per second: statements run, connections tried after the first few. */
  readonly statements: number;
  readonly postgres: number;
  readonly kafka: number;
  /** From the end of the outage until an event flows; null: it never did. */
  readonly goesOnAfterMs: number | null;
  /** All that was logged until then. */
  readonly inAll: readonly string[];
  /** What is not as it has to be. */
  readonly problems: readonly string[];
}

/** Lets one outage happen for so long, and sees that everything goes on by itself afterwards. */
export async function loudness(
  { away, back }: Phase,
  life: Life,
  { seen, windowMs }: { seen: PostgresMeter["seen"]; windowMs: number },
): Promise<Loudness> {
  await away();
  const told = life.listen();
  const before = { ...seen, kafka: life.kafkaConnections() };
  const awayAt = performance.now();
  await Bun.sleep(windowMs);
  // A busy machine sleeps longer than it was asked to.
  const lastedMs = performance.now() - awayAt;
  const perSecond = (count: number) => (count * 1_000) / lastedMs;
  const counts = {
    lines: told().length,
    statements: perSecond(seen.statements - before.statements),
    postgres: perSecond(beyond(AT_ONCE, seen.connections - before.connections)),
    kafka: perSecond(beyond(AT_ONCE, life.kafkaConnections() - before.kafka)),
  };
  await back();
  const startedAt = performance.now();
  const goesOnAfterMs = await life.flows(BACK_MS).then(
    () => performance.now() - startedAt,
    () => null,
  );
  const inAll = told();
  const tooLoud = Object.entries(BOUNDS).flatMap(([what, most]) =>
    counts[what as keyof typeof counts] > most ? [`${what} above ${most}`] : [],
  );
  const problems = [
    ...tooLoud,
    ...(goesOnAfterMs === null ? ["does not go on"] : []),
    ...(inAll.length > LINES ? [`${inAll.length} lines in all`] : []),
  ];
  return { ...counts, goesOnAfterMs, inAll, problems };
}

const beyond = (allowed: number, count: number) => Math.max(0, count - allowed);
