import type { Sql, TransactionSql } from "postgres";

/** The log's own pool. */
export type LogDb = Sql<{ bigint: number }>;
export type LogTx = TransactionSql<{ bigint: number }>;

/** Asks the database: waits only so long, and an error is the engine's. */
export type Ask = <T>(question: () => Promise<T>) => Promise<T>;

/** The one notification channel; its payload says what changed: `topic:NAME` or `group:NAME`. */
export const CHANNEL = "lifestream_log";

/** What is notified when records were appended to a topic, or the topic itself changed. */
export const topicSignal = (topic: string) => `topic:${topic}`;
/** What is notified when members of a group should look again at what they are to own. */
export const groupSignal = (group: string) => `group:${group}`;
