import type { Log } from "../engine/log.ts";
import type { Catalog, Forwarding } from "../engine/store.ts";
import { TAGS_TOPIC } from "../engine/topics.ts";
import type { Drainer } from "../runtime/drain.ts";
import { endsOfWhole } from "./whole-topic.ts";

const BATCH = 500;

interface CatalogOptions {
  readonly log: Log;
  readonly catalog: Catalog;
  readonly forwarding: Forwarding;
}

/** The tag vocabulary in Postgres -> `tags.catalog`, one key per tag. */
export function createCatalogPublisher(options: CatalogOptions): Drainer {
  const { log, catalog } = options;
  return {
    name: "catalog",
    channel: "catalog",
    pollMs: 2_000,
    async step(lease) {
      const tags = await catalog.unsent(BATCH);
      if (tags.length === 0) return false;
      const records = tags.map((entry) => ({ key: entry.tag, value: JSON.stringify(entry), headers: {} }));
      await endsOfWhole(TAGS_TOPIC, options);
      const sentTo = await log.append(TAGS_TOPIC, records);
      await catalog.markSent(
        lease,
        tags.map((entry) => entry.tag),
        sentTo,
      );
      return tags.length === BATCH;
    },
  };
}
