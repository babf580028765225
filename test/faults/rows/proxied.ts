import type { Life } from "../life.ts";
import { type FaultProxy, startFaultProxy } from "../proxy.ts";

/** Stages reach Postgres through a proxy from now on; this process does not. */
export async function proxied(life: Life): Promise<FaultProxy> {
  const url = new URL(life.world.env.DATABASE_URL ?? "");
  const proxy = await startFaultProxy(Number(url.port));
  url.port = String(proxy.port);
  life.stageEnv = { DATABASE_URL: url.href };
  return proxy;
}
