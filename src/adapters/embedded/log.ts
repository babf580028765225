import { EnvironmentError } from "../../engine/errors.ts";
import type { Log } from "../../engine/log.ts";
import type { Logger } from "../../engine/logger.ts";
import { within } from "../../engine/patience.ts";
import { Appender } from "./append.ts";
import { keepTidy } from "./cleaner.ts";
import { type Ask, type LogDb, topicSignal } from "./database.ts";
import { members } from "./group.ts";
import { EmbeddedSubscription } from "./subscription.ts";
import * as topics from "./topics.ts";
import { Wake } from "./wake.ts";

/** Long enough for the largest append on a slow disk; a connection that went silent must not hold anybody for ever. */
const ANSWER_MS = 30_000;
/** Seconds for what is under way at the end, and again for the connections. */
const CLOSE_S = 0.5;

export interface EmbeddedLogOptions {
  /** A pool of the log's own, closed with it. */
  readonly db: LogDb;
  /** False behind a transaction pooler: then everybody polls. */
  readonly canListen: boolean;
  /** Makes the engine's error of the driver's. */
  readonly classify: (error: unknown) => unknown;
  readonly logger: Logger;
}

/** The log as tables of Postgres: partitions, offsets, groups, retention and compaction, without any other server. */
export function createEmbeddedLog({ db, canListen, classify, logger }: EmbeddedLogOptions): Log {
  const closing = new AbortController();
  const ask = bounded(classify);
  const appender = new Appender(db, ask);
  const wake = new Wake(db, canListen);
  let tidying: Promise<void> | null = null;
  return {
    async append(topic, records, among) {
      const positions = await appender.append(topic, records, among);
      wake.ring(topicSignal(topic));
      return positions;
    },
    subscribe(options) {
      tidying ??= keepTidy(db, logger, closing.signal);
      return new EmbeddedSubscription({ db, wake, logger, ask }, options);
    },
    endOffsets: (names) => ask(() => topics.endOffsets(db, names)),
    startOffsets: (names) => ask(() => topics.startOffsets(db, names)),
    identity: (names) => ask(() => topics.identity(db, names)),
    members: (groups) => ask(() => members(db, groups)),
    cluster: topics.cluster,
    describeTopics: (names) => ask(() => topics.describeTopics(db, names)),
    createTopics: (definitions) => ask(() => topics.createTopics(db, definitions)),
    addPartitions: (name, total) => ask(() => topics.addPartitions(db, name, total)),
    deleteTopics: (names, confirm) => ask(() => topics.deleteTopics(db, names, confirm)),
    configureTopic: (name, settings) => ask(() => topics.configureTopic(db, name, settings)),
    async close() {
      closing.abort();
      const underWay = Promise.all([appender.settled(), tidying]);
      await within<unknown>(CLOSE_S * 1_000, underWay, () => undefined);
      await db.end({ timeout: CLOSE_S });
    },
  };
}

function bounded(classify: (error: unknown) => unknown): Ask {
  return async <T>(question: () => Promise<T>) => {
    const told = question().then(
      (answer) => ({ answer }),
      (error) => {
        throw classify(error);
      },
    );
    const inTime = await within<{ answer: T } | null>(ANSWER_MS, told, () => null);
    if (!inTime)
      throw new EnvironmentError(
        `Postgres cannot be reached (no answer within ${ANSWER_MS / 1_000} s): look whether it hangs`,
      );
    return inTime.answer;
  };
}
