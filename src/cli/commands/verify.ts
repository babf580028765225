import { UserError } from "../../engine/errors.ts";
import { isComplete, isSound, type VerifyReport, verify } from "../../rebuild/verify.ts";
import type { CommandInput } from "../command.ts";
import { openCommandApp } from "../context.ts";
import { plural } from "../format.ts";
import { notCompared, tableLines } from "../rebuild-report.ts";
import { findings } from "../verify-report.ts";
import { foldOptions, rethrow } from "./rebuild.ts";

const WAIT_S = 10;

/** `verify [--json] [--timeout S]`: ends with 1 where the state is not what the ledger gives, or cannot be compared yet. */
export async function runVerify({ options }: CommandInput): Promise<void> {
  const seconds = options.timeout === undefined ? WAIT_S : Number(options.timeout);
  if (!Number.isFinite(seconds) || seconds < 0) throw new UserError("--timeout is a number of seconds", 2);
  await using app = await openCommandApp("verify", { kafka: false });
  const folding = foldOptions(app, app.registry.projections);
  const report = await verify({ ...folding, waitMs: seconds * 1_000 }).catch(rethrow);
  const [sound, complete] = [isSound(report), isComplete(report)];
  if (options.json) console.log(JSON.stringify({ sound, complete, ...report }, null, 2));
  else console.log([tableLines(report.tables), ...findings(report)].join("\n"));
  if (!sound) throw new UserError(problem(report));
  if (!complete) throw new UserError(`${notCompared(report)}: all others are what the ledger gives`);
  if (!options.json) {
    console.log(`${plural(report.events, "event")}: the tables are what the ledger gives, none lost, none doubled`);
  }
}

function problem({ doubled, overspent }: VerifyReport): string {
  if (doubled.length > 0) return "the ledger tells some effects twice: see the lines above for their events";
  if (overspent.length > 0) return "some work had more attempts than it may have: see the lines above";
  return 'the tables are not what the ledger gives: "npm run rebuild -- --all" brings them to it';
}
