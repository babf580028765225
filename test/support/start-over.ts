import type { App } from "../../src/app.ts";
import type { KnownLog } from "../../src/engine/store.ts";
import { type ResetTarget, resetTopics } from "../../src/pipeline/reset.ts";
import { aloneResetting, type HeldReset, RESET_LEASE } from "../../src/pipeline/reset-lease.ts";

const RESET_MS = 60_000;

/** Does this as the only reset of the app's topics. */
export function aloneInTest<T>(
  { store, clock }: App,
  work: (held: HeldReset) => Promise<T>,
  holder = `test:${crypto.randomUUID()}`,
): Promise<T> {
  return aloneResetting({ leases: store.leases, clock, holder }, work);
}

/** Makes all topics anew, as `kafka:reset` does; over another log or store where given. */
export function resetAlone(app: App, what: Partial<ResetTarget> = {}, holder?: string): Promise<number> {
  const { log, store, registry } = app;
  const signal = AbortSignal.timeout(RESET_MS);
  const target = { log, forwarding: store.forwarding, topics: registry.topics, signal };
  return aloneInTest(app, (held) => resetTopics({ ...target, held, ...what }), holder);
}

/** Lets the whole ledger flow again, into the topics as they are. */
export async function flowAnew({ store }: App, log: KnownLog): Promise<void> {
  const lease = { name: RESET_LEASE, holder: "a test" };
  await store.leases.acquire(lease, RESET_MS);
  await store.forwarding.startOver(lease, log, "a test");
  await store.leases.release(lease);
}
