import type { NewEvent } from "../../engine/event.ts";
import type { Sql } from "../../engine/store.ts";
import { linkVisibilityChanged } from "./events.ts";
import type { LinkStatus } from "./pages/list-query.ts";
import type { Visibility } from "./subject.ts";

/** Which links are meant; what is undefined does not matter. */
export interface LinkChoice {
  readonly ids?: readonly string[] | undefined;
  readonly status?: LinkStatus | undefined;
}

export interface ChosenLink {
  readonly subjectId: string;
  readonly url: string;
  readonly visibility: Visibility;
}

/** The links that are meant, by their ids from `after` on, at most `limit`. */
export async function chosenLinks(
  sql: Sql,
  { ids, status }: LinkChoice,
  { after, limit }: { after: string; limit: number },
): Promise<ChosenLink[]> {
  return sql<ChosenLink[]>`
    select subject_id as "subjectId", url, visibility from lifestream.links
    where subject_id > ${after} ${ids ? sql`and subject_id = any(${ids as string[]})` : sql``}
      ${status ? sql`and status = ${status}` : sql``}
    order by subject_id limit ${limit}`;
}

/** The event by which a person decides who may see a link. */
export function visibilityChanged(
  subjectId: string,
  visibility: Visibility,
  { by, source, reason }: { by: string; source: string; reason: string | null },
): NewEvent {
  const payload = { visibility, by, ...(reason ? { reason } : {}) };
  return { type: linkVisibilityChanged.type, subject: linkVisibilityChanged.subject, subjectId, source, payload };
}
