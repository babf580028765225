import type { Socket } from "node:net";

/**
 * Ends a connection where a question has stood for so long without a byte of an answer. A server that went without a
 * word (its machine lost power, a firewall forgot the connection) looks like one that thinks, for ever. Who waits gets
 * an error; whether the transaction was committed is theirs to find out, as after any lost connection.
 */
export function endWhenSilent<S extends Socket>(socket: S, withinMs: number, address: string): S {
  let open = 0;
  /** Asked for whatever there is so far, without the end of an exchange. */
  let flushed = false;
  let timer: NodeJS.Timeout | undefined;
  const wait = () => {
    clearTimeout(timer);
    timer = open > 0 || flushed ? setTimeout(() => socket.destroy(silent(address, withinMs)), withinMs) : undefined;
  };
  const asked = messageScanner(1, (type) => {
    open += type === SYNC || type === QUERY ? 1 : 0;
    flushed ||= type === FLUSH;
  });
  const answered = messageScanner(0, (type) => {
    open = type === READY ? Math.max(0, open - 1) : open;
  });
  const write = socket.write.bind(socket) as (...args: unknown[]) => boolean;
  socket.on("data", (chunk) => {
    flushed = false;
    answered(chunk as Buffer);
    wait();
  });
  socket.on("close", () => clearTimeout(timer));
  return Object.assign(socket, {
    write(...args: unknown[]) {
      const waited = open > 0 || flushed;
      if (args[0] instanceof Uint8Array) asked(args[0]);
      if (!waited) wait();
      return write(...args);
    },
  });
}

/** The protocol's message types that open and end an exchange: PostgreSQL's documentation, "Message Formats". */
const [SYNC, QUERY, FLUSH, READY] = ["S", "Q", "H", "Z"].map((letter) => letter.charCodeAt(0));

/**
 * Tells the type of each message in a stream that comes in any pieces. The first `untyped` messages have a length only,
 * as a client's first one has.
 */
function messageScanner(untyped: number, onMessage: (type: number) => void): (chunk: Uint8Array) => void {
  const head = Buffer.alloc(5);
  let read = untyped > 0 ? 1 : 0;
  let left = 0;
  return (chunk) => {
    for (let at = 0; at < chunk.length; ) {
      if (left > 0) {
        const skipped = Math.min(left, chunk.length - at);
        left -= skipped;
        at += skipped;
        continue;
      }
      head[read++] = chunk[at++] as number;
      if (read < head.length) continue;
      left = Math.max(0, head.readInt32BE(1) - 4);
      onMessage(head[0] as number);
      head[0] = 0;
      read = 0;
    }
  };
}

function silent(address: string, withinMs: number): Error {
  const message = `no answer from ${address} within ${withinMs / 1_000} s`;
  return Object.assign(new Error(message), { code: "CONNECTION_SILENT" });
}
