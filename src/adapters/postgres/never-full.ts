import type { Socket } from "node:net";

/**
 * A socket that never says it is full. The driver sends `begin` without keeping the connection for the transaction where
 * that fills the connection, by its own count or by the socket's word, or where the socket has room again amid the
 * transaction: the transaction stays open, and statements of others run within it (postgres 3.4.9). What is written waits
 * in memory either way.
 */
export function neverFull<S extends Socket>(socket: S): S {
  const write = socket.write.bind(socket) as (...args: unknown[]) => boolean;
  const on = socket.on.bind(socket) as (...args: unknown[]) => S;
  return Object.assign(socket, {
    write(...args: unknown[]) {
      write(...args);
      return true;
    },
    on: (event: string, listener: unknown) => (event === "drain" ? socket : on(event, listener)),
  });
}

/** How many statements the driver sends ahead on one connection: no number at which `begin` could fill it. */
export const NO_LIMIT = Number.MAX_SAFE_INTEGER;
