import { UserError } from "../../engine/errors.ts";
import { isSound, type VerifyReport, verify } from "../../rebuild/verify.ts";
import type { CommandInput } from "../command.ts";
import { openCommandApp } from "../context.ts";
import { plural } from "../format.ts";
import { tableLines } from "../rebuild-report.ts";
import { foldOptions, rethrow } from "./rebuild.ts";

/** `verify [--json]`: ends with 1 where the state is not what the ledger gives. */
export async function runVerify({ options }: CommandInput): Promise<void> {
  await using app = await openCommandApp("verify", { kafka: false });
  const report = await verify(foldOptions(app, app.registry.projections)).catch(rethrow);
  const sound = isSound(report);
  if (options.json) console.log(JSON.stringify({ sound, ...report }, null, 2));
  else console.log([tableLines(report.tables), ...findings(report)].join("\n"));
  if (!sound) throw new UserError(problem(report));
  if (!options.json) {
    console.log(`${plural(report.events, "event")}: the tables are what the ledger gives, none lost, none doubled`);
  }
}

function findings({ explained, doubled, overspent, unreadable, onTheirWay, readAfterAll }: VerifyReport): string[] {
  return [
    ...explained.map(({ subjectId, lost }) =>
      lost ? `lost: event ${lost} of ${subjectId}` : `differs: ${subjectId}, by more than one event`,
    ),
    ...doubled.map(({ subjectId, type, ids }) => `doubled: ${type} of ${subjectId}: events ${ids.join(", ")}`),
    ...overspent.map(({ id, attempts, allowed }) => `work ${id} had ${attempts} attempts of ${allowed}`),
    ...(unreadable.total > 0 ? [`${plural(unreadable.total, "event")} say nothing to this program`] : []),
    ...(readAfterAll > 0
      ? [
          `${plural(readAfterAll, "event")} set aside can be read now: "npm run dlq -- redrive" or a rebuild applies them`,
        ]
      : []),
    ...(onTheirWay > 0
      ? [`${plural(onTheirWay, "event")} on the way to the tables: their subjects are left out; ask again later`]
      : []),
  ];
}

function problem({ doubled, overspent }: VerifyReport): string {
  if (doubled.length > 0) return "the ledger tells some effects twice: see the lines above for their events";
  if (overspent.length > 0) return "some work had more attempts than it may have: see the lines above";
  return 'the tables are not what the ledger gives: "npm run rebuild -- --all" brings them to it';
}
