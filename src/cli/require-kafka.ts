import { findProblem } from "../adapters/kafka/probe.ts";
import type { App } from "../app.ts";
import { UserError } from "../engine/errors.ts";
import { EVENTS_TOPIC } from "../engine/topics.ts";

/**
 * Ends the command with the cause and the remedy when no broker can be used: a client would try for long and then only
 * say that its connection was lost. Rights are not asked for here; each stage needs others.
 */
export async function requireKafka({
  config,
  transport,
  kafkaBrokers,
}: Pick<App, "config" | "transport" | "kafkaBrokers">): Promise<void> {
  if (transport.kind === "embedded") return;
  const problem = await findProblem({ ...config.kafka, brokers: kafkaBrokers }, EVENTS_TOPIC);
  if (problem && problem.kind !== "topic_rights") throw new UserError(`Kafka: ${problem.sentence}`);
}
