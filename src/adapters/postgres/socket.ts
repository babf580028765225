import { Socket } from "node:net";

/** What the driver says of the server. */
interface Address {
  readonly host: readonly string[];
  readonly port: readonly number[];
  /** A socket file instead. */
  readonly path?: string | false;
}

/**
 * Opens the driver's connections. Who takes a connection and hangs up without a word, as a proxy or a container's port
 * does whose server is away, gives an error here like any other: left to itself, the driver tries again at once, for
 * ever and thousands of times a second, and whoever asked waits.
 */
export function openSocket({ host: [host = ""], port: [port = 0], path }: Address): Socket {
  const socket = new TellingSocket(path || `${host}:${port}`);
  if (path) socket.connect(path);
  else socket.connect(port, host);
  // The driver looks there for the name that a certificate is to be for.
  return Object.assign(socket, { host });
}

class TellingSocket extends Socket {
  readonly #address: string;

  constructor(address: string) {
    super();
    this.#address = address;
  }

  override emit(event: string | symbol, ...args: unknown[]): boolean {
    const wordless = event === "close" && args[0] !== true && this.bytesRead === 0;
    if (!wordless) return super.emit(event as "close", ...(args as []));
    const message = `${this.#address} took the connection and hung up`;
    super.emit("error", Object.assign(new Error(message), { code: "CONNECTION_CLOSED" }));
    return super.emit("close", true);
  }
}
