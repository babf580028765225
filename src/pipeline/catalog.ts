import type { Log } from "../engine/log.ts";
import type { Catalog } from "../engine/store.ts";
import { TAGS_TOPIC } from "../engine/topics.ts";
import type { Drainer } from "../runtime/drain.ts";

const BATCH = 500;

/** The tag vocabulary in Postgres -> `tags.catalog`, one key per tag. */
export function createCatalogPublisher({ log, catalog }: { log: Log; catalog: Catalog }): Drainer {
  return {
    name: "catalog",
    channel: "catalog",
    pollMs: 2_000,
    async step(lease) {
      const tags = await catalog.unsent(BATCH);
      if (tags.length === 0) return false;
      const records = tags.map((entry) => ({ key: entry.tag, value: JSON.stringify(entry), headers: {} }));
      await log.append(TAGS_TOPIC, records);
      await catalog.markSent(
        lease,
        tags.map((entry) => entry.tag),
      );
      return tags.length === BATCH;
    },
  };
}
