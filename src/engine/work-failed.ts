import { z } from "zod";
import { defineEvent } from "./event.ts";

/**
 * An attempt at a piece of work failed. The router answers it (retry or dead letter), state tables show it.
 * `work_message` is the message as the agent had it; the rest is ours and may be absent in events of other writers.
 */
export const workFailed = defineEvent({
  type: "work.failed",
  subject: "work",
  version: 1,
  payload: z.looseObject({
    work_message: z.looseObject({
      id: z.string().optional(),
      subject_id: z.string(),
      work_type: z.string(),
      attempt: z.number().int().min(1),
    }),
    error: z.string(),
    agent: z.string(),
    error_class: z.string().optional(),
    /** False: no further attempt can help. */
    retryable: z.boolean().optional(),
    /** Not before this many milliseconds. */
    retry_after_ms: z.number().min(0).optional(),
  }),
});
