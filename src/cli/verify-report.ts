import { EXPLAINED_EVENTS, EXPLAINED_SUBJECTS, type Explained } from "../rebuild/explain.ts";
import type { VerifyReport } from "../rebuild/verify.ts";
import { plain, plural } from "./format.ts";

/** What a comparison found, a line each; nothing where all is as the ledger gives it. */
export function findings(report: VerifyReport): string[] {
  const { explained, doubled, overspent, unreadable, leftByAdoption } = report;
  return [
    ...explained.map(difference),
    ...notLookedInto(report),
    ...doubled.map(({ subjectId, type, ids }) => `doubled: ${type} of ${plain(subjectId)}: events ${ids.join(", ")}`),
    ...overspent.map(({ id, attempts, allowed }) => `overspent: work ${id} had ${attempts} attempts of ${allowed}`),
    ...(unreadable.total > 0 ? [`${plural(unreadable.total, "event")} say nothing to this program`] : []),
    ...(leftByAdoption > 0
      ? [`${plural(leftByAdoption, "row")} left as they are: no event can be about them (lifestream.adoption_problems)`]
      : []),
  ];
}

function difference({ subjectId, lost, doubled, lookedInto }: Explained): string {
  const subject = plain(subjectId);
  if (!lookedInto) return `differs: ${subject}: not looked into, it has more than ${EXPLAINED_EVENTS} events`;
  if (lost.length > 0) return `lost: event ${lost.join(", ")} of ${subject}`;
  if (doubled.length > 0) return `doubled: event ${doubled.join(", ")} of ${subject} was applied twice`;
  return `differs: ${subject}: neither a single event, lost or doubled, explains it nor its last few, lost together`;
}

/** How many of the subjects that differ nothing was tried of, and why. */
function notLookedInto({ explained, differingSubjects }: VerifyReport): string[] {
  const long = explained.filter(({ lookedInto }) => !lookedInto).length;
  const more = differingSubjects - explained.length;
  const why = [
    ...(long > 0 ? [`${plural(long, "subject")} with more than ${EXPLAINED_EVENTS} events`] : []),
    ...(more > 0 ? [`${plural(more, "subject")} behind the first ${EXPLAINED_SUBJECTS} that differ`] : []),
  ];
  return why.length > 0 ? [`not looked into: ${why.join(", ")}`] : [];
}
