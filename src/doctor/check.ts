import { messageOf } from "../engine/errors.ts";
import { within } from "../engine/patience.ts";

const FAMILIES = ["here", "Postgres", "Kafka", "log"] as const;
export type Family = (typeof FAMILIES)[number];

/** `skip`: it would say nothing new, as what it builds on failed. */
export type Level = "ok" | "warn" | "fail" | "skip";

/** What a check found, as one line; `remedy` is a sentence of its own. */
export interface Outcome {
  readonly level: Level;
  readonly detail: string;
  readonly remedy?: string | undefined;
  /** Of which thing, where a check looks at several. */
  readonly name?: string;
  /** Milliseconds, where not those of the whole check are meant. */
  readonly ms?: number;
}

export interface Check {
  readonly family: Family;
  readonly name: string;
  /** Checks of the same family before it: if one of them failed, this one is skipped. */
  readonly needs?: readonly string[];
  run(): Promise<Outcome | readonly Outcome[]>;
}

export interface Result extends Outcome {
  readonly family: Family;
  readonly name: string;
  readonly ms: number;
}

/** No single check may take longer. */
const CHECK_MS = 10_000;
/** Nor all of them together. */
const ALL_MS = 28_000;

/**
 * Runs the families side by side, each in its order, and goes on after a failure with whatever still makes sense.
 * Results come in the families' order; never later than ALL_MS.
 */
export async function* runChecks(checks: readonly Check[]): AsyncGenerator<Result> {
  const deadline = performance.now() + ALL_MS;
  const families = FAMILIES.map((family) =>
    runFamily(
      checks.filter((check) => check.family === family),
      deadline,
    ),
  );
  for (const family of families) yield* await family;
}

async function runFamily(checks: readonly Check[], deadline: number): Promise<Result[]> {
  const results: Result[] = [];
  const failed = new Set<string>();
  for (const check of checks) {
    const because = check.needs?.find((name) => failed.has(name));
    const found = because ? [skipped(check, because)] : await runOne(check, deadline);
    if (because || found.some(({ level }) => level === "fail")) failed.add(check.name);
    results.push(...found);
  }
  return results;
}

function skipped({ family, name }: Check, because: string): Result {
  return { family, name, level: "skip", detail: `not tried without "${because}"`, ms: 0 };
}

async function runOne(check: Check, deadline: number): Promise<Result[]> {
  const { family, name } = check;
  const startedAt = performance.now();
  const left = Math.min(CHECK_MS, deadline - startedAt);
  const run = async () => [await check.run()].flat();
  const late = () => [fail(`no answer within ${Math.round(left / 1_000)} s`)];
  const outcomes = await within(left, run(), late).catch((error) => [fail(messageOf(error))]);
  const ms = Math.round(performance.now() - startedAt);
  return outcomes.map((one) => ({ family, name, ms, ...one }));
}

export const ok = (detail: string, more: Partial<Outcome> = {}): Outcome => ({ level: "ok", detail, ...more });
export const warn = (detail: string, remedy?: string): Outcome => ({ level: "warn", detail, remedy });
export const fail = (detail: string, remedy?: string): Outcome => ({ level: "fail", detail, remedy });
