import type { Config } from "../config.ts";
import { UserError } from "../engine/errors.ts";
import { findLocalKafka } from "../stack/local-kafka.ts";
import { readStackEnv } from "../stack/stack-env.ts";
import type { Transport } from "../transport.ts";

const ASKED = "STREAM_TRANSPORT says so";

/** The log of a command that starts servers: Kafka where it is named or can run here, else the one in Postgres. */
export function chooseTransport(config: Config, local = findLocalKafka): Transport {
  const named = namedTransport(config);
  if (named) return named;
  const { runs, why } = local();
  return { kind: runs ? "kafka" : "embedded", why };
}

/** The log of a command that works on servers which run already: that of the environment, else that of the stack. */
export function transportInUse(config: Config, local = findLocalKafka): Transport {
  const named = namedTransport(config);
  if (named) return named;
  const stack = readStackEnv(config.home);
  if (stack.STREAM_TRANSPORT === "embedded") return { kind: "embedded", why: whyEmbedded(local()) };
  if (stack.KAFKA_BROKERS) return { kind: "kafka", why: "the local stack runs it" };
  throw new UserError(
    'no Kafka: set KAFKA_BROKERS, or STREAM_TRANSPORT=embedded for the log in Postgres, or run "npm start" or "npm run stack" in another terminal',
  );
}

function namedTransport({ transport, kafka }: Config): Transport | null {
  if (transport) return { kind: transport, why: ASKED };
  return kafka.brokers.length > 0 ? { kind: "kafka", why: "KAFKA_BROKERS names it" } : null;
}

function whyEmbedded({ runs, why }: ReturnType<typeof findLocalKafka>): string {
  return runs ? "the local stack was started with it" : why;
}
