/** Real servers on loopback for the tests of this folder. */
import { createServer, type RequestListener } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from "node:net";

export interface Loopback extends AsyncDisposable {
  readonly port: number;
  /** `127.0.0.1:<port>`, as the allow list takes it. */
  readonly host: string;
  /** Connections accepted so far. */
  connections(): number;
}

/** An HTTP server that answers with `listener`. */
export function serveHttp(listener: RequestListener): Promise<Loopback> {
  return listening(createServer(listener), 0, "127.0.0.1");
}

/** A bare TCP server; without a handler it only counts who comes. */
export function serveTcp(onSocket: (socket: Socket) => void = () => {}, port = 0, address = "127.0.0.1") {
  return listening(
    createTcpServer((socket) => onSocket(socket)),
    port,
    address,
  );
}

function listening(server: Server, port: number, address: string): Promise<Loopback> {
  const sockets = new Set<Socket>();
  let count = 0;
  server.on("connection", (socket: Socket) => {
    count += 1;
    sockets.add(socket);
    socket.on("error", () => {});
  });
  const { promise, resolve, reject } = Promise.withResolvers<Loopback>();
  server.once("error", reject);
  server.listen(port, address, () => {
    const bound = (server.address() as AddressInfo).port;
    resolve({
      port: bound,
      host: `${address}:${bound}`,
      connections: () => count,
      async [Symbol.asyncDispose]() {
        for (const socket of sockets) socket.destroy();
        server.close();
      },
    });
  });
  return promise;
}
