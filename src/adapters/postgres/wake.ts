import type { Sql, Wake } from "../../engine/store.ts";
import { connect, isTransactionPooler } from "./connect.ts";

/** Wakes the dispatcher once the transaction commits. */
export async function wakeDispatcher(tx: Sql): Promise<void> {
  await tx`select pg_notify('lifestream_work', '')`;
}

/**
 * Notifications over one connection of their own, reconnected by the driver. A transaction pooler knows no LISTEN:
 * there it never calls, and the loops' poll does all the waking.
 */
export function createWake(url: string): Wake {
  return {
    async listen(channel, onWake, signal) {
      if (isTransactionPooler(url) || signal.aborted) return;
      const db = connect({ url, name: `wake ${channel}`, maxConnections: 1 });
      signal.addEventListener("abort", () => void db.end({ timeout: 1 }), { once: true });
      // `onlisten` runs after each reconnect too: what was notified meanwhile is looked for at once.
      await db.listen(`lifestream_${channel}`, onWake, onWake);
    },
  };
}
