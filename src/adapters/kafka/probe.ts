import { lookup } from "node:dns/promises";
import { connect as connectTcp } from "node:net";
import { Admin } from "@platformatic/kafka";
import type { KafkaConfig } from "../../config.ts";
import { messageOf } from "../../engine/errors.ts";
import { BOUNDED, clientOptions } from "./client-options.ts";
import { causes } from "./errors.ts";

/** One step on the way to a usable cluster. */
export interface ProbeStep {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

const STEP_TIMEOUT_MS = 5_000;
/** What the client takes where an address names none. */
const DEFAULT_PORT = 9092;

/**
 * Tries once to use the cluster, step by step, and stops at the first that fails. The last step asks for a *named*
 * topic: without rights a list of topics is simply empty.
 */
export async function* probeKafka(config: KafkaConfig, name: string): AsyncGenerator<ProbeStep> {
  const topic = config.topicPrefix + name;
  const [broker] = config.brokers;
  if (!broker) return;
  const { host, port } = splitAddress(broker);
  const steps: [string, () => Promise<string>][] = [
    [`resolve ${host}`, async () => (await lookup(host)).address],
    [`connect ${host}:${port}`, () => connectOnce(host, port)],
    [`use the cluster (${describeAuth(config)}) and see ${topic}`, () => askForTopic(config, topic)],
  ];
  for (const [step, run] of steps) {
    try {
      yield { name: step, ok: true, detail: await run() };
    } catch (error) {
      yield { name: step, ok: false, detail: explain(error) };
      return;
    }
  }
}

export function splitAddress(broker: string): { host: string; port: number } {
  const [, host = broker, port = DEFAULT_PORT] = /^(.*?)(?::(\d+))?$/.exec(broker) ?? [];
  return { host: host.replace(/^\[|\]$/g, ""), port: Number(port) };
}

function describeAuth({ auth, ssl }: KafkaConfig): string {
  return `${auth === "none" ? "no login" : auth}, ${ssl ? "TLS" : "plaintext"}`;
}

function connectOnce(host: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTcp({ host, port, timeout: STEP_TIMEOUT_MS });
    socket.once("connect", () => {
      socket.destroy();
      resolve("open");
    });
    socket.once("timeout", () => {
      socket.destroy();
      reject(new Error(`no answer within ${STEP_TIMEOUT_MS / 1000} s: is the port open for this address?`));
    });
    socket.once("error", reject);
  });
}

async function askForTopic(config: KafkaConfig, topic: string): Promise<string> {
  const admin = new Admin(clientOptions(config, BOUNDED));
  admin.on("error", () => {});
  try {
    const metadata = await admin.metadata({ topics: [topic], forceUpdate: true });
    return `cluster ${metadata.id}`;
  } catch (error) {
    // The cluster answered: that the topic is missing is for kafka:init to mend.
    if ([...causes(error)].some((inner) => /unknown topic/i.test(inner.message))) return "the topic does not exist yet";
    throw error;
  } finally {
    await admin.close().catch(() => {});
  }
}

function explain(error: unknown): string {
  return (
    [...causes(error)]
      .map((inner) => inner.message)
      .filter(Boolean)
      .at(-1) ?? messageOf(error)
  );
}
