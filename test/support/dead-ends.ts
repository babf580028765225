/** Ports where something is wrong before Kafka even begins. */
import { spawn } from "node:child_process";
import { connect, createServer, type Server, type Socket } from "node:net";

export interface DeadEnd extends AsyncDisposable {
  readonly port: number;
}

/** Accepts connections and treats each as told; at a free port of loopback unless told. */
export async function listenWith(
  onConnection: (socket: Socket) => void,
  { host, port }: { readonly host: string; readonly port: number } = { host: "127.0.0.1", port: 0 },
): Promise<DeadEnd> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(port, host, resolve));
  return {
    port: (server.address() as { port: number }).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const HOLDER = `
  const server = require("node:net").createServer();
  server.listen({ host: "127.0.0.1", port: 0, backlog: 1 }, () => {
    require("node:fs").writeSync(1, server.address().port + "\\n");
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });
`;
/** More than any runtime lets wait; what does not fit into the queue hangs. */
const CALLERS = 600;
const FILL_MS = 1_000;

/**
 * A port that answers nothing at all, as behind a firewall that drops packets: its owner never accepts, and its queue
 * is full. Null where the system queues without an end.
 */
export async function blockedPort(): Promise<DeadEnd | null> {
  const owner = spawn(process.execPath, ["-e", HOLDER], { stdio: ["ignore", "pipe", "inherit"] });
  const port = await new Promise<number>((resolve) => owner.stdout.once("data", (line) => resolve(Number(line))));
  let accepted = 0;
  const waiting = Array.from({ length: CALLERS }, () =>
    connect(port, "127.0.0.1", () => {
      accepted += 1;
    }).on("error", () => {}),
  );
  const dispose = async () => {
    for (const socket of waiting) socket.destroy();
    owner.kill("SIGKILL");
    await new Promise((resolve) => owner.once("exit", resolve));
  };
  await Bun.sleep(FILL_MS);
  if (accepted < CALLERS) return { port, [Symbol.asyncDispose]: dispose };
  await dispose();
  return null;
}
