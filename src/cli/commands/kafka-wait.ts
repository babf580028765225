import { probeKafka } from "../../adapters/kafka/probe.ts";
import { UserError } from "../../engine/errors.ts";
import { sleep } from "../../engine/sleep.ts";
import { EVENTS_TOPIC } from "../../engine/topics.ts";
import type { CommandInput } from "../command.ts";
import { createContext, kafkaBrokersOf } from "../context.ts";

const DEFAULT_TIMEOUT_S = 60;
const PAUSE_MS = 1_000;

/** Tries until the cluster can be used; prints each step when it first succeeds. */
export async function kafkaWait({ options }: CommandInput): Promise<void> {
  const seconds = options.timeout === undefined ? DEFAULT_TIMEOUT_S : Number(options.timeout);
  if (!Number.isFinite(seconds) || seconds <= 0) throw new UserError("--timeout is a number of seconds", 2);
  const { config } = createContext();
  const kafka = { ...config.kafka, brokers: kafkaBrokersOf(config) };
  const deadline = performance.now() + seconds * 1_000;
  const told = new Set<string>();
  for (;;) {
    let failed: string | null = null;
    for await (const step of probeKafka(kafka, EVENTS_TOPIC)) {
      if (!step.ok) failed = `${step.name}: ${step.detail}`;
      else if (!told.has(step.name)) console.log(`ok  ${step.name}: ${step.detail}`);
      if (step.ok) told.add(step.name);
    }
    if (failed === null) return;
    if (performance.now() + PAUSE_MS > deadline)
      throw new UserError(`Kafka cannot be used after ${seconds} s: ${failed}`);
    await sleep(PAUSE_MS, new AbortController().signal);
  }
}
