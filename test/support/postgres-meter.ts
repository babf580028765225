import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** Stands before a Postgres, and counts who comes and what is asked. */
export interface PostgresMeter extends AsyncDisposable {
  /** The same address, through here. */
  readonly url: string;
  /** Connections that were tried, and statements that were run, so far. */
  readonly seen: { readonly connections: number; readonly statements: number };
  /** From now on takes every connection and ends it at once, as proxies do whose server is away. */
  hangUp(): Promise<void>;
  goOn(): Promise<void>;
}

export async function meterPostgres(databaseUrl: string): Promise<PostgresMeter> {
  const { hostname, port } = new URL(databaseUrl);
  const seen = { connections: 0, statements: 0 };
  const sockets = new Set<Socket>();
  let away = false;
  const server = createServer((client) => {
    seen.connections += 1;
    if (away) return void client.destroy();
    const upstream = connect(Number(port), hostname);
    const count = statementCounter(() => (seen.statements += 1));
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      // A server that refuses is one that refuses whoever comes here.
      from.on("error", () => to.resetAndDestroy());
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
    client.on("data", count);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = new URL(databaseUrl);
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    seen,
    async hangUp() {
      away = true;
      for (const socket of sockets) socket.destroy();
    },
    async goOn() {
      away = false;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const EXECUTE = "E".charCodeAt(0);
const SIMPLE_QUERY = "Q".charCodeAt(0);

/** Reads the client's half of the protocol: a length and a body first, then a type, a length and a body each. */
function statementCounter(onStatement: () => void): (chunk: Buffer) => void {
  let rest = Buffer.alloc(0);
  let started = false;
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    for (;;) {
      const head = started ? 1 : 0;
      if (rest.length < head + 4) return;
      const end = head + rest.readUInt32BE(head);
      if (rest.length < end) return;
      if (started && (rest[0] === EXECUTE || rest[0] === SIMPLE_QUERY)) onStatement();
      started = true;
      rest = rest.subarray(end);
    }
  };
}
