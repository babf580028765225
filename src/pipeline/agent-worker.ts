import { deadRecord, type RecordHandler } from "../runtime/consume.ts";
import type { AttemptOptions } from "./attempt.ts";
import { AttemptPool, LEASE_MS } from "./attempt-pool.ts";
import { decodeMessages } from "./decode-messages.ts";

export interface AgentWorker {
  readonly handler: RecordHandler;
  /** Attempts under way or accepted and waiting for a place. */
  busy(): number;
  /** Waits for what is under way until the signal aborts, then gives the rest back, to be started elsewhere. */
  drain(deadline: AbortSignal): Promise<void>;
}

/**
 * Runs an agent on its work topic. Accepting an attempt and moving the position is one transaction; from then on the
 * registry answers for it, so a slow page never holds up the partition, and heartbeats go on. Work of one subject
 * runs one at a time. The end of an attempt, its events included, is one transaction, refused when the attempt was
 * taken away meanwhile.
 */
export function createAgentWorker(options: AttemptOptions): AgentWorker {
  const { agent, logger, telemetry } = options;
  const pool = new AttemptPool(options);
  return {
    busy: () => pool.size,
    drain: (deadline) => pool.drain(deadline),
    handler: {
      stage: agent.name,
      group: agent.group,
      topics: [agent.handles.topic],
      maxBatch: agent.concurrency,
      room: (signal) => pool.room(signal),
      async handle(batch, tx) {
        const { attempts, passedOver, bad: unusable } = await decodeMessages(batch.records, tx.ledger);
        const bad = unusable.map(({ record, error }) => deadRecord("agent", batch.topicId, record, error));
        await tx.deadLetters.put(bad);
        const accepted = await tx.work.accept(attempts, LEASE_MS, agent.name);
        const afterCommit = () => {
          telemetry.setAside(
            agent.name,
            bad.map((record) => record.errorClass),
          );
          if (passedOver > 0) logger.debug(`passed over ${passedOver} messages without an id`, { stage: agent.name });
          for (const work of accepted) pool.start(work);
        };
        return { watermark: null, afterCommit };
      },
    },
  };
}
