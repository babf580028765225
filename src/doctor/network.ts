import { lookup } from "node:dns/promises";
import { connect as connectTcp, isIP } from "node:net";
import { type ConnectionOptions, connect as connectTls, type PeerCertificate, type TLSSocket } from "node:tls";
import { count } from "../engine/web/parts.ts";

const TIMEOUT_MS = 5_000;
const DAY_MS = 86_400_000;
/** Certificates are renewed weeks before; fewer days than this and something renews nothing. */
const SOON_DAYS = 14;

/** All addresses of a name, as this machine's resolver has them now. */
export async function addressesOf(host: string): Promise<string[]> {
  return (await lookup(host, { all: true })).map(({ address }) => address);
}

/** Milliseconds until the port took a connection. */
export function connectTime(host: string, port: number): Promise<number> {
  const startedAt = performance.now();
  return new Promise((resolve, reject) => {
    const socket = connectTcp({ host, port, timeout: TIMEOUT_MS });
    socket.once("connect", () => resolve(Math.round(performance.now() - startedAt)));
    socket.once("timeout", () => reject(new Error(`no answer within ${TIMEOUT_MS / 1_000} s`)));
    socket.once("error", reject);
    socket.once("connect", () => socket.destroy()).once("timeout", () => socket.destroy());
  });
}

/** A server's certificate, whoever signed it; null where the port speaks no TLS. `options`: trust, our own certificate. */
export function certificateOf(
  host: string,
  port: number,
  options: ConnectionOptions = {},
): Promise<PeerCertificate | null> {
  return new Promise((resolve) => {
    const name = isIP(host) ? {} : { servername: host };
    const socket = connectTls({ host, port, ...name, ...options, rejectUnauthorized: false, timeout: TIMEOUT_MS });
    answer(socket, resolve);
  });
}

/** The same for Postgres, which begins in the clear and is asked to go on in TLS. */
export function postgresCertificateOf(host: string, port: number): Promise<PeerCertificate | null> {
  return new Promise((resolve) => {
    const socket = connectTcp({ host, port, timeout: TIMEOUT_MS });
    const give = () => {
      socket.destroy();
      resolve(null);
    };
    socket.once("error", give).once("timeout", give);
    socket.once("connect", () => socket.write(SSL_REQUEST));
    socket.once("data", (said) => {
      if (said.toString() !== "S") return give();
      const name = isIP(host) ? {} : { servername: host };
      answer(connectTls({ socket, ...name, rejectUnauthorized: false }), resolve);
    });
  });
}

/** Length 8, request code 80877103: "may we speak TLS?" */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

function answer(socket: TLSSocket, resolve: (certificate: PeerCertificate | null) => void): void {
  const done = (certificate: PeerCertificate | null) => {
    socket.destroy();
    resolve(certificate?.valid_to ? certificate : null);
  };
  socket.once("secureConnect", () => done(socket.getPeerCertificate()));
  socket.once("error", () => done(null)).once("timeout", () => done(null));
}

/** Whom a certificate is for, who signed it, how long it lasts; `isSoon` when that is not long. */
export function describeCertificate(certificate: PeerCertificate, now: Date): { text: string; isSoon: boolean } {
  const days = Math.floor((Date.parse(certificate.valid_to) - now.getTime()) / DAY_MS);
  const names = certificate.subjectaltname?.replaceAll(/(DNS|IP Address):/g, "") ?? certificate.subject?.CN ?? "nobody";
  const left = days < 0 ? `expired ${count(-days, "day")} ago` : `${count(days, "day")} left`;
  return { text: `for ${names}, signed by ${certificate.issuer?.CN ?? "somebody"}, ${left}`, isSoon: days < SOON_DAYS };
}
