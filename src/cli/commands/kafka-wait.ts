import { type ProbeStep, probeKafka } from "../../adapters/kafka/probe.ts";
import { UserError } from "../../engine/errors.ts";
import { fullJitter } from "../../engine/retry.ts";
import { sleep } from "../../engine/sleep.ts";
import { EVENTS_TOPIC } from "../../engine/topics.ts";
import type { CommandInput } from "../command.ts";
import { createContext, kafkaBrokersOf } from "../context.ts";
import { transportInUse } from "../transport.ts";

const DEFAULT_TIMEOUT_S = 60;
/** Between two rounds; grows, so that waiting for an hour does not mean thousands of refused logins. */
const PAUSE = { baseMs: 1_000, capMs: 10_000 };
const LEAST_PAUSE_MS = 500;

/**
 * Tries until the cluster can be used, through any of its brokers. Every step is printed when it first works and when
 * it fails for another reason than before; nothing ends the wait early, for on a new machine users, certificates and
 * rights come one after the other.
 */
export async function kafkaWait({ options }: CommandInput): Promise<void> {
  const seconds = options.timeout === undefined ? DEFAULT_TIMEOUT_S : Number(options.timeout);
  if (!Number.isFinite(seconds) || seconds <= 0) throw new UserError("--timeout is a number of seconds", 2);
  const { config } = createContext();
  const { kind, why } = transportInUse(config);
  if (kind === "embedded") {
    console.log(`the log is in Postgres (${why}): there is no Kafka to wait for`);
    return;
  }
  const kafka = { ...config.kafka, brokers: kafkaBrokersOf(config) };
  const over = AbortSignal.timeout(seconds * 1_000);
  const told = new Set<string>();
  let failed: ProbeStep | undefined;
  for (let round = 1; ; round++) {
    let first: ProbeStep | undefined;
    let last: ProbeStep | undefined;
    for await (const step of until(over, probeKafka(kafka, EVENTS_TOPIC))) {
      tell(step, told);
      if (step.problem) first ??= step;
      last = step;
    }
    if (last && !last.problem && !over.aborted) return;
    failed = first ?? failed;
    if (!over.aborted)
      await sleep(Math.max(LEAST_PAUSE_MS, fullJitter(round, PAUSE, Math.random)), over).catch(() => {});
    if (over.aborted) {
      const why = failed ? `${failed.name}: ${failed.detail}` : "no broker answered in time";
      throw new UserError(`Kafka cannot be used after ${seconds} s: ${why}`);
    }
  }
}

/** What comes until the signal aborts; a step under way is not waited for. */
async function* until<T>(end: AbortSignal, steps: AsyncGenerator<T>): AsyncGenerator<T> {
  const ended = new Promise<{ done: true; value: undefined }>((resolve) => {
    end.addEventListener("abort", () => resolve({ done: true, value: undefined }), { once: true });
  });
  while (!end.aborted) {
    const next = await Promise.race([steps.next(), ended]);
    if (next.done) return;
    yield next.value;
  }
}

function tell({ name, broker, detail, problem }: ProbeStep, told: Set<string>): void {
  const line = problem ? `... ${name}: ${detail}` : `ok  ${name}: ${detail}`;
  const once = problem ? line : `${broker} ${name}`;
  if (told.has(once)) return;
  told.add(once);
  console.log(line);
}
