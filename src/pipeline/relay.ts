import { EnvironmentError } from "../engine/errors.ts";
import type { Logger } from "../engine/logger.ts";
import type { Forwarding, Log, LogIdentity, Outbox, SentRow } from "../engine/ports.ts";
import { secondsSince, type Telemetry } from "../engine/telemetry.ts";
import { EVENTS_TOPIC, TAGS_TOPIC } from "../engine/topics.ts";
import type { Drainer } from "../runtime/drain.ts";

/** Rows in one batch: large enough to amortize commits and sends, small enough to stay under memory and latency. */
const BATCH = 1_000;

/** How often the relay asks whether the log is still the one it forwarded to. */
const IDENTITY_CHECK_MS = 15_000;

export interface RelayOptions {
  readonly log: Log;
  readonly outbox: Outbox;
  readonly forwarding: Forwarding;
  /** Topics whose re-creation matters. */
  readonly topics: readonly string[];
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  /** Monotonic milliseconds. */
  readonly clock: () => number;
}

/**
 * The outbox relay: unpublished events of the ledger -> `events.raw`, in ledger order. Marking a batch and writing
 * down the next one is one transaction; a batch whose answer is lost is sent again as it was. A re-created cluster or
 * topic is noticed by its identity, and then everything is sent again.
 */
export function createRelay(options: RelayOptions): Drainer {
  const { log, outbox, clock, telemetry } = options;
  let sent: SentRow[] = [];
  let checkAt = 0;
  return {
    name: "relay",
    channel: "events",
    pollMs: 1_000,
    reset: () => {
      sent = [];
      checkAt = 0;
    },
    async step(lease) {
      if (clock() >= checkAt) {
        if (await followLog(options)) return true;
        checkAt = clock() + IDENTITY_CHECK_MS;
      }
      const startedAt = performance.now();
      const rows = await outbox.next(lease, BATCH, sent);
      sent = [];
      if (rows.length === 0) return false;
      const positions = await log.append(EVENTS_TOPIC, rows);
      sent = rows.flatMap((row, index) => {
        const position = positions[index];
        return position ? [{ id: row.id, position }] : [];
      });
      telemetry.batch("relay", rows.length, secondsSince(startedAt));
      telemetry.forwarded(rows, secondsSince(startedAt));
      return true;
    },
  };
}

/** True when the log turned out to be another one and the ledger was made to flow again. */
async function followLog({ log, forwarding, topics, logger }: RelayOptions): Promise<boolean> {
  const [now, known] = await Promise.all([log.identity(topics), forwarding.knownIdentity()]);
  if (!now.topicIds.has(EVENTS_TOPIC)) {
    throw new EnvironmentError(`the topic ${EVENTS_TOPIC} does not exist: run "npm run kafka:init"`);
  }
  if (!known) {
    await forwarding.noteIdentity(now);
    return false;
  }
  const changed = changedTopics(known, now);
  if (changed.length === 0 && known.topicIds.size === now.topicIds.size) return false;
  if (changed.length === 0) {
    await forwarding.noteIdentity(now);
    return false;
  }
  const events = await forwarding.startOver(now, { catalog: changed.includes(TAGS_TOPIC) });
  logger.warn(`${changed.join(", ")} was created anew: the whole ledger flows again`, { events });
  return true;
}

/** Topics that stand in the log under another id than the one they were known by. */
export function changedTopics(known: LogIdentity, now: LogIdentity): string[] {
  return [...now.topicIds].filter(([name, id]) => (known.topicIds.get(name) ?? id) !== id).map(([name]) => name);
}
