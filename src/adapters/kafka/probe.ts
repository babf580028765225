import type { KafkaConfig } from "../../config.ts";
import { UserError } from "../../engine/errors.ts";
import { type Found, type StepName, stepsOf } from "./probe-steps.ts";
import { type Problem, problemOf } from "./problems.ts";

/** One step on the way to a usable cluster. */
export interface ProbeStep {
  readonly step: StepName;
  /** As it is printed. */
  readonly name: string;
  /** HOST:PORT as configured. */
  readonly broker: string;
  /** Null: it worked. */
  readonly problem: Problem | null;
  /** What was found out, or the problem's sentence. */
  readonly detail: string;
  readonly ms: number;
}

/**
 * Tries once to use the cluster through one broker after the other, step by step; ends with the first broker that can
 * be used, or after the last. The last step asks for a *named* topic: without rights a list of topics is simply empty.
 */
export async function* probeKafka(config: KafkaConfig, topicName: string): AsyncGenerator<ProbeStep> {
  for (const broker of config.brokers) {
    let last: ProbeStep | undefined;
    for await (const step of probeBroker(config, broker, topicName)) {
      last = step;
      yield step;
    }
    if (last?.problem === null) return;
  }
}

/** The problem that keeps us from using the cluster: of the broker where we came furthest. Null: it can be used. */
export async function findProblem(config: KafkaConfig, topicName: string): Promise<Problem | null> {
  let furthest: { readonly problem: Problem; readonly steps: number } | null = null;
  let steps = 0;
  for await (const { problem } of probeKafka(config, topicName)) {
    steps += 1;
    if (problem && steps > (furthest?.steps ?? 0)) furthest = { problem, steps };
    if (problem) steps = 0;
  }
  return steps > 0 ? null : (furthest?.problem ?? null);
}

/** The same for one broker; ends with the first step that fails. */
export async function* probeBroker(config: KafkaConfig, broker: string, topicName: string): AsyncGenerator<ProbeStep> {
  const topic = config.topicPrefix + topicName;
  const found: Found = { broker };
  try {
    for (const [step, name, run] of stepsOf(config, broker, topic)) {
      const startedAt = performance.now();
      const took = () => Math.round(performance.now() - startedAt);
      try {
        const detail = await run(found);
        yield { step, name, broker, problem: null, detail, ms: took() };
      } catch (error) {
        // A file of ours that cannot be read: nothing was asked of the broker yet.
        if (error instanceof UserError) throw error;
        const problem = problemOf(error, { config, broker: found.broker, topics: [topic] });
        yield { step, name, broker, problem, detail: problem.sentence, ms: took() };
        return;
      }
    }
  } finally {
    await found.connection?.close().catch(() => {});
  }
}
