import { setTimeout as delay } from "node:timers/promises";
import { findProblem } from "../adapters/kafka/probe.ts";
import type { App } from "../app.ts";
import { UserError } from "../engine/errors.ts";
import { fullJitter } from "../engine/retry.ts";
import { EVENTS_TOPIC } from "../engine/topics.ts";

/** Many processes that start at the same time get their turn one after the other. */
const THROTTLED = { baseMs: 1_000, capMs: 4_000 };
const THROTTLED_TRIES = 5;

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
  const kafka = { ...config.kafka, brokers: kafkaBrokers };
  let problem = await findProblem(kafka, EVENTS_TOPIC);
  for (let attempt = 1; problem?.kind === "login_throttled" && attempt <= THROTTLED_TRIES; attempt++) {
    await delay(fullJitter(attempt, THROTTLED, Math.random));
    problem = await findProblem(kafka, EVENTS_TOPIC);
  }
  if (problem && problem.kind !== "topic_rights") throw new UserError(`Kafka: ${problem.sentence}`);
}
