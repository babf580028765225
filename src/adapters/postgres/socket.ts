import { isIP, Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { lateClose, lost } from "./late-close.ts";
import { neverFull } from "./never-full.ts";
import { endWhenSilent } from "./silence.ts";

/** How a URL asks for TLS. */
export interface TlsWish {
  /** Without it, if the server has none. */
  readonly optional: boolean;
  /** Whether the certificate has to be signed by somebody known, and for this name. */
  readonly verified: boolean;
}

/** Reads `sslmode` (or `ssl`) as the driver does: require and prefer take any certificate. Null: no TLS. */
export function tlsWish({ searchParams }: URL): TlsWish | null {
  const asked = searchParams.get("sslmode") ?? searchParams.get("ssl") ?? "";
  const mode = searchParams.get("sslrootcert") === "system" ? "verify-full" : asked;
  if (["", "disable", "false"].includes(mode)) return null;
  return { optional: mode === "prefer", verified: !["require", "allow", "prefer"].includes(mode) };
}

/** What the driver says of the server. */
interface Address {
  readonly host: readonly string[];
  readonly port: readonly number[];
  /** A socket file instead. */
  readonly path?: string | false;
}

const TIMEOUT_MS = 5_000;

/** Opens the driver's connections, TLS included, such that it is told of their end in a way that it bears. */
export function socketOpener(tls: TlsWish | null, answerWithinMs?: number): (address: Address) => Promise<Socket> {
  return async ({ host: [host = ""], port: [port = 0], path }) => {
    const address = path || `${host}:${port}`;
    const socket = new Socket();
    const timer = setTimeout(() => socket.destroy(timedOut(address)), TIMEOUT_MS);
    try {
      if (path) socket.connect(path);
      else socket.connect(port, host);
      await first(socket, "connect", address);
      const open = tls ? await secured(socket, tls, { host, address }) : socket;
      const heard = answerWithinMs ? endWhenSilent(open, answerWithinMs, address) : open;
      return lateClose(neverFull(heard), address);
    } catch (error) {
      return lateClose(failing(error as Error), address);
    } finally {
      clearTimeout(timer);
    }
  };
}

/** `SSLRequest`: its length, and the number that stands where else a version of the protocol does. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);
const YES = "S".charCodeAt(0);

async function secured(
  socket: Socket,
  { optional, verified }: TlsWish,
  { host, address }: { host: string; address: string },
): Promise<Socket> {
  socket.write(SSL_REQUEST);
  const [answer] = (await first(socket, "data", address)) as Buffer;
  if (answer !== YES && optional) return socket;
  if (answer !== YES) {
    socket.destroy();
    throw Object.assign(new Error(`${address} has no TLS`), { code: "CONNECTION_CLOSED" });
  }
  const name = isIP(host) ? {} : { servername: host };
  const secure = connectTls({ socket, rejectUnauthorized: verified, ...name });
  await first(secure, "secureConnect", address);
  return secure;
}

/** The first time that this happens; rejects where the connection ends before. */
function first(socket: Socket, event: string, address: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    socket.once(event, resolve);
    socket.once("error", reject);
    socket.once("close", () => reject(lost(address)));
    // Once the driver listens it is told; until then nobody must fall over it.
    socket.on("error", () => {});
  });
}

function timedOut(address: string): Error {
  return Object.assign(new Error(`no answer from ${address} within ${TIMEOUT_MS / 1_000} s`), {
    code: "CONNECT_TIMEOUT",
  });
}

/** A socket that fails as soon as the driver listens: it does not bear that opening one does. */
function failing(error: Error): Socket {
  const socket = new Socket();
  setTimeout(() => socket.destroy(error), 0);
  return Object.assign(socket, { write: () => true });
}
