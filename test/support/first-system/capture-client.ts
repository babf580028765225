import type { Database } from "../../../src/adapters/postgres/connect.ts";
import { linkSubjectId, normalizeUrl } from "../../../src/domains/links/subject.ts";

/** One of the first system's capture clients. It writes three rows, each by itself: others may come in between. */
export interface CaptureClient {
  /** What it does first: subject and link as if they were new. */
  upsert(url: string): Promise<string>;
  /** What it does last. */
  tell(url: string): Promise<string>;
  /** Both, as it goes when nothing comes in between. */
  capture(url: string): Promise<string>;
}

/** A client on this database that calls itself `source`. */
export function captureClient(db: Database, source: string): CaptureClient {
  const client: CaptureClient = {
    async upsert(url) {
      const id = idOf(url);
      await db`
        insert into lifestream.subjects (subject, subject_id, created_at, visibility) values ('link', ${id}, now(), 'public')
        on conflict (subject, subject_id) do update set created_at = excluded.created_at, visibility = excluded.visibility`;
      await db`
        insert into lifestream.links (subject_id, url, url_norm, created_at, source, status, visibility)
        values (${id}, ${url}, ${normalizeUrl(url)}, now(), ${source}, 'new', 'public')
        on conflict (subject_id) do update set url = excluded.url, url_norm = excluded.url_norm,
          created_at = excluded.created_at, source = excluded.source, status = excluded.status,
          visibility = excluded.visibility`;
      return id;
    },
    async tell(url) {
      const payload = { url, url_norm: normalizeUrl(url), source };
      await db`
        insert into lifestream.events (occurred_at, source, subject, subject_id, event_type, payload)
        values (now(), ${source}, 'link', ${idOf(url)}, 'link.added', ${db.json(payload)})`;
      return idOf(url);
    },
    async capture(url) {
      await client.upsert(url);
      return client.tell(url);
    },
  };
  return client;
}

const idOf = (url: string) => linkSubjectId(normalizeUrl(url));
