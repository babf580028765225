import type { Readiness } from "./api/probes.ts";
import { messageOf } from "./engine/errors.ts";
import { within } from "./engine/patience.ts";

/** Whoever asks does not wait longer than this. */
const DEADLINE_MS = 2_500;

/** What to ask: each answers, or rejects. */
export interface Questions {
  readonly postgres: () => Promise<unknown>;
  readonly kafka: () => Promise<unknown>;
  /** Null, or which loops hang. */
  readonly loops: () => string | null;
}

/** Whether a process can do its work: its servers answer in time, its loops live. */
export function readiness({ postgres, kafka, loops }: Questions): () => Promise<Readiness> {
  return async () => {
    const [postgresProblem, kafkaProblem] = await Promise.all([problemOf(postgres()), problemOf(kafka())]);
    return { postgres: postgresProblem, kafka: kafkaProblem, loops: loops() };
  };
}

function problemOf(question: Promise<unknown>): Promise<string | null> {
  const problem = question.then(() => null, messageOf);
  return within<string | null>(DEADLINE_MS, problem, () => "no answer in time");
}
