import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** What stands in the way between client and server. */
export type Fault =
  | { readonly kind: "none" }
  /** Every chunk comes so much later. */
  | { readonly kind: "delay"; readonly ms: number; readonly direction?: Direction }
  /** A partition: what is sent arrives when it is over. */
  | { readonly kind: "hold"; readonly direction?: Direction }
  /** What is sent is lost; connections that lost something are reset when it is over. */
  | { readonly kind: "drop"; readonly direction?: Direction }
  /** Whoever comes is reset, as by a host that has no such port. */
  | { readonly kind: "refuse" }
  /** The server's answer to a statement that holds this text is lost, and the connection with it; so many times. */
  | { readonly kind: "lose answer"; readonly to: string; times: number };

export type Direction = "to server" | "to client";

/** Stands on loopback before a server and brings faults about. */
export interface FaultProxy extends AsyncDisposable {
  readonly port: number;
  /** From now on, for connections that are and that come. */
  set(fault: Fault): void;
  /** Resets every connection (RST). */
  reset(): void;
  /** Server halves end; their clients are not told, and wait. */
  halfOpen(): void;
  /** How many chunks or connections a fault has met so far. */
  met(): number;
  /** How many connections there are now. */
  connections(): number;
  /** How many were tried so far. */
  tried(): number;
}

/** One connection through the proxy. */
class Link {
  readonly #held: (() => void)[] = [];
  #lostBytes = false;
  #losesAnswer = false;
  #halfOpen = false;

  constructor(
    readonly client: Socket,
    readonly server: Socket,
    readonly fault: () => Fault,
    readonly onMet: () => void,
    readonly answer: (chunk: Buffer) => Buffer,
  ) {
    client.on("data", (chunk) => this.#pass(chunk as Buffer, "to server"));
    server.on("data", (chunk) => this.#pass(this.answer(chunk as Buffer), "to client"));
    client.on("error", () => server.resetAndDestroy());
    server.on("error", () => client.resetAndDestroy());
    client.on("close", () => server.destroy());
    server.on("close", () => this.#halfOpen || client.destroy());
  }

  halfOpen(): void {
    this.#halfOpen = true;
    this.server.destroy();
  }

  reset(): void {
    this.client.resetAndDestroy();
    this.server.resetAndDestroy();
  }

  /** A fault is over. */
  release(): void {
    if (this.#lostBytes || this.#halfOpen) this.reset();
    else for (const deliver of this.#held.splice(0)) deliver();
  }

  #pass(chunk: Buffer, direction: Direction): void {
    const to = direction === "to server" ? this.server : this.client;
    const deliver = () => void (to.writable && to.write(chunk));
    const fault = this.fault();
    if (fault.kind === "lose answer") {
      if (direction === "to client" && this.#losesAnswer) return void this.reset();
      if (direction === "to server") this.#noteStatement(fault, chunk);
    }
    const bytes = fault.kind === "delay" || fault.kind === "hold" || fault.kind === "drop";
    if (!bytes || (fault.direction && fault.direction !== direction)) return void deliver();
    this.onMet();
    if (fault.kind === "delay") setTimeout(deliver, fault.ms);
    if (fault.kind === "hold") this.#held.push(deliver);
    if (fault.kind === "drop") this.#lostBytes = true;
  }

  #noteStatement(fault: Extract<Fault, { kind: "lose answer" }>, chunk: Buffer): void {
    if (fault.times === 0 || !chunk.includes(fault.to)) return;
    fault.times -= 1;
    this.#losesAnswer = true;
    this.onMet();
  }
}

/**
 * Starts one before the server at this port of 127.0.0.1. A broker tells its clients where to find it: with `standsIn`
 * the proxy names itself in such answers (an address of Kafka's protocol: the host's text, then the port in four bytes).
 */
export async function startFaultProxy(serverPort: number, { standsIn = false } = {}): Promise<FaultProxy> {
  let fault: Fault = { kind: "none" };
  let met = 0;
  let tried = 0;
  const links = new Set<Link>();
  const proxy = createServer((client) => {
    tried += 1;
    if (fault.kind === "refuse") {
      met += 1;
      client.resetAndDestroy();
      return;
    }
    const link = new Link(
      client,
      connect(serverPort, "127.0.0.1"),
      () => fault,
      () => {
        met += 1;
      },
      (chunk) => (standsIn ? replaced(chunk, addressBytes(serverPort), addressBytes(portOf(proxy))) : chunk),
    );
    links.add(link);
    client.on("close", () => links.delete(link));
  });
  await listening(proxy);
  const all = (act: (link: Link) => void) => {
    for (const link of [...links]) act(link);
  };
  return {
    port: portOf(proxy),
    set(next) {
      fault = next;
      if (next.kind === "refuse") all((link) => link.reset());
      else all((link) => link.release());
    },
    reset() {
      met += links.size;
      all((link) => link.reset());
    },
    halfOpen() {
      met += links.size;
      all((link) => link.halfOpen());
    },
    met: () => met,
    connections: () => links.size,
    tried: () => tried,
    async [Symbol.asyncDispose]() {
      all((link) => link.reset());
      await new Promise((resolve) => proxy.close(resolve));
    },
  };
}

const portOf = (server: Server) => (server.address() as AddressInfo).port;

function addressBytes(port: number): Buffer {
  const bytes = Buffer.from("127.0.0.1\0\0\0\0", "latin1");
  bytes.writeInt32BE(port, bytes.length - 4);
  return bytes;
}

function replaced(chunk: Buffer, from: Buffer, to: Buffer): Buffer {
  for (let at = chunk.indexOf(from); at >= 0; at = chunk.indexOf(from, at + to.length)) to.copy(chunk, at);
  return chunk;
}

function listening(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
}
