import { subjectIdOf } from "../../domains/links/subject.ts";
import type { FailureFilter } from "../../engine/failures.ts";
import type { CommandInput } from "../command.ts";
import { cut, plain } from "../format.ts";
import { numberOf, person, report, withDesk } from "./dlq.ts";

const SHOWN = 20;

/** Links whose work failed for good get another round: `dlq redrive`, for links only. */
export async function retryFailed({ options }: CommandInput): Promise<void> {
  const maxRedrives = numberOf(options, "maxRetries");
  const limit = numberOf(options, "limit");
  const filter: FailureFilter = {
    workOn: "link",
    ...(maxRedrives === undefined ? {} : { maxRedrives }),
    ...(typeof options.subjectId === "string" ? { subjectId: subjectIdOf(options.subjectId) } : {}),
  };
  const dryRun = options.dryRun === true;
  await withDesk(async (desk) => {
    const { failures } = await desk.list(filter, { limit: Math.min(limit ?? SHOWN, SHOWN) });
    for (const { type, subjectId, error } of failures) {
      console.log(`${plain(subjectId ?? "")}  ${type}  ${cut(plain(error), 100)}`);
    }
    const choice = { dryRun, ...(limit === undefined ? {} : { limit }) };
    report(
      await desk.redrive(filter, person(options, "redriven by retry:failed"), choice),
      dryRun ? "would be redriven" : "redriven",
    );
  });
}
