import type { Life } from "../life.ts";
import { type FaultProxy, startFaultProxy } from "../proxy.ts";

/** Stages reach Postgres through a proxy from now on; this process does not. */
export async function proxied(life: Life): Promise<FaultProxy> {
  const url = new URL(life.world.env.DATABASE_URL ?? "");
  const proxy = await startFaultProxy(Number(url.port));
  url.port = String(proxy.port);
  life.stageEnv = { ...life.stageEnv, DATABASE_URL: url.href };
  return proxy;
}

/** Stages reach Kafka through a proxy from now on; this process does not. */
export async function kafkaProxied(life: Life): Promise<FaultProxy> {
  const [broker = ""] = (life.world.env.KAFKA_BROKERS ?? "").split(",");
  const proxy = await startFaultProxy(Number(broker.split(":")[1]), { standsIn: true });
  life.stageEnv = { ...life.stageEnv, KAFKA_BROKERS: `127.0.0.1:${proxy.port}` };
  return proxy;
}
