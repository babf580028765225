import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

/** A statement that fails is followed by a rollback: the one has to end, then the other, before the driver lets go. */
const ROUNDS = 3;
const PAUSE_MS = 20;

/**
 * Tells the driver of a lost connection as an error first, and only a moment later as closed. Told at once, it forgets
 * the socket while a transaction still writes to it: a rollback then ends the whole process, and what was to be written
 * goes ahead of the next connection's first words. And a connection that was closed before a word was said is an error
 * like any other; the driver would try again at once, for ever, thousands of times a second.
 */
export function lateClose<S extends Socket>(socket: S, address: string): S {
  const emit = socket.emit.bind(socket) as Emit;
  const end = socket.end.bind(socket) as (...args: unknown[]) => S;
  // A driver that is through with the socket listens no more: an error that nobody hears would end the process.
  const tellError = (error: unknown) => socket.listenerCount("error") > 0 && emit("error", error);
  let wanted = false;
  return Object.assign(socket, {
    end(...args: unknown[]) {
      // With a last word it is the driver that ends it; without, the other side's end is answered.
      wanted ||= args[0] instanceof Uint8Array;
      return end(...args);
    },
    emit(event: string | symbol, ...args: unknown[]) {
      if (event === "error") return tellError(args[0]);
      if (event !== "close" || wanted) return emit(event, ...args);
      void tellLost({ emit, tellError }, address, socket.bytesRead === 0);
      return true;
    },
  });
}

type Emit = (event: string | symbol, ...args: unknown[]) => boolean;

async function tellLost(
  { emit, tellError }: { emit: Emit; tellError: (error: unknown) => boolean },
  address: string,
  wordless: boolean,
): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    tellError(lost(address, wordless));
    await delay(PAUSE_MS);
  }
  // "Closed after an error" makes the driver's pauses longer; otherwise it ends what was asked meanwhile.
  emit("close", wordless);
}

/** The connection's end as the driver's own errors have it. */
export function lost(address: string, wordless = true): Error {
  const message = `${address} ${wordless ? "took the connection and hung up" : "ended the connection"}`;
  return Object.assign(new Error(message), { code: "CONNECTION_CLOSED" });
}
