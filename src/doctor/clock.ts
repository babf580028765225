import type { Database } from "../adapters/postgres/connect.ts";
import { within } from "../engine/patience.ts";
import { fail, type Outcome, ok, warn } from "./check.ts";

/** Above this the times in logs and ledger stop making sense together. */
const NOTICEABLE_MS = 2_000;
/** AWS refuses what is signed more than this off its time. */
const AWS_LIMIT_MS = 5 * 60_000;
const PATIENCE_MS = 5_000;

/** This machine's clock against the database's: the one other clock there is to ask. */
export interface Clock {
  check(db: Database): Promise<Outcome>;
  /** Milliseconds that this machine is ahead, once the database was asked; null where it is not in time. */
  ahead(): Promise<number | null>;
}

export function createClock(): Clock {
  const { promise, resolve } = Promise.withResolvers<number | null>();
  return {
    ahead: () => within(PATIENCE_MS, promise, () => null),
    async check(db) {
      const before = Date.now();
      const [row] = await db<{ at: number }[]>`select extract(epoch from clock_timestamp()) * 1000 as at`;
      const roundTrip = Date.now() - before;
      const ahead = Math.round(before + roundTrip / 2 - Number(row?.at));
      resolve(ahead);
      const detail = `${describeAhead(ahead)} (give or take ${Math.ceil(roundTrip / 2)} ms)`;
      return Math.abs(ahead) > NOTICEABLE_MS ? warn(detail, SET_CLOCK) : ok(detail);
    },
  };
}

const SET_CLOCK =
  "Let both machines take their time from NTP (timedatectl set-ntp true; sntp on macOS; w32tm on Windows).";

function describeAhead(ahead: number): string {
  return `this machine is ${Math.abs(ahead)} ms ${ahead < 0 ? "behind" : "ahead of"} Postgres`;
}

/** What the difference means for a login with AWS, whose tokens carry a time. */
export function judgeForAws(ahead: number | null): Outcome {
  const limit = "AWS refuses tokens that are more than 5 minutes off";
  if (ahead === null) return warn(`not known: there is no Postgres to compare with; ${limit}`, SET_CLOCK);
  const detail = `${describeAhead(ahead)}; ${limit}`;
  return Math.abs(ahead) > AWS_LIMIT_MS ? fail(detail, SET_CLOCK) : ok(detail);
}
