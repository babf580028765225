import { addToCatalog } from "../domains/links/recompute.ts";
import type { StoredEvent } from "../engine/event.ts";
import type { Sql } from "../engine/store.ts";
import { type FoldOptions, placesOf, readable } from "./fold.ts";
import { ledgerBatches } from "./ledger-batches.ts";

/**
 * Makes the vocabulary in the shadow anew where events told it of tags that later folds pass over, as their links are
 * gone: it is to be what these folds give.
 */
export async function forgetGoneTags(tx: Sql, options: Omit<FoldOptions, "onProgress">): Promise<void> {
  const { registry, shadow } = options;
  const isGone = tx`exists (select from pg_temp.adoption_events a
    where a.subject = 'link' and a.subject_id = e.subject_id and a.payload->'gone' = 'true')`;
  const [found] = await tx<{ tagged: boolean }[]>`
    select exists (select from pg_temp.link_metadata e where ${isGone}) as tagged`;
  if (!found?.tagged) return;
  await tx`delete from pg_temp.tag_catalog`;
  const places = placesOf(
    tx,
    options,
    tx`where e.subject = 'link' and e.event_type = 'enrichment.completed' and not ${isGone}
      and e.id not in (select id from pg_temp.adoption_refused)
      and exists (select from pg_temp.links l where l.subject_id = e.subject_id)`,
  );
  for await (const rows of ledgerBatches(tx, places)) {
    const events = rows.flatMap((row) => readable(row, registry, []));
    await addToCatalog(events, tagsOf, shadow.redirect(tx));
  }
}

const tagsOf = ({ payload }: StoredEvent) => (payload.tags as string[] | null | undefined) ?? [];
