/** The first words with an unknown port, before a client or a secret is tried on it. */
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { KafkaConfig } from "../../config.ts";
import { tlsOptions } from "./client-options.ts";
import { Finding } from "./problems.ts";

export interface Place {
  readonly host: string;
  readonly port: number;
}

/** Whether anything takes the connection. */
export async function connectOnce(place: Place, timeoutMs: number): Promise<void> {
  const socket = connectTcp(place);
  await untilOpen(socket, "connect", timeoutMs).finally(() => socket.destroy());
}

/**
 * Greets the port in Kafka's protocol, over TLS where that is configured. A client takes a port that speaks another
 * protocol for a lost connection; here it is told apart.
 */
export async function greet(config: KafkaConfig, place: Place, timeoutMs: number): Promise<void> {
  if (!config.ssl) return judge(await greetInTheClear(place, timeoutMs));
  const name = isIP(place.host) ? {} : { servername: place.host };
  const socket = connectTls({ ...place, ...name, ...tlsOptions(config) });
  try {
    await untilOpen(socket, "secureConnect", timeoutMs).catch((error) => {
      throw error.code === "ETIMEDOUT" ? new Finding("silent") : error;
    });
    // A broker that wants a certificate from us says so only now.
    judge(await ask(socket, timeoutMs));
  } catch (error) {
    if (error instanceof Finding) throw error;
    const inTheClear = await greetInTheClear(place, timeoutMs).catch(() => null);
    throw inTheClear === "kafka" ? new Finding("tls_not_expected") : error;
  } finally {
    socket.destroy();
  }
}

type Answer = "kafka" | "tls" | "other";

function judge(answer: Answer): void {
  if (answer === "tls") throw new Finding("tls_expected");
  if (answer === "other") throw new Finding("not_kafka");
}

async function greetInTheClear(place: Place, timeoutMs: number): Promise<Answer> {
  const socket = connectTcp(place);
  try {
    await untilOpen(socket, "connect", timeoutMs);
    return await ask(socket, timeoutMs);
  } finally {
    socket.destroy();
  }
}

const API_VERSIONS = 18;
const CORRELATION_ID = 0x6b61666b;
/** How every TLS alert begins: what a TLS port says to whoever does not speak it. */
const TLS_ALERT = 0x15;

/** Sends the one request that every broker answers to everybody (ApiVersions, version 0), and looks at the answer. */
function ask(socket: Socket, timeoutMs: number): Promise<Answer> {
  const body = Buffer.alloc(10);
  body.writeInt16BE(API_VERSIONS, 0);
  body.writeInt32BE(CORRELATION_ID, 4);
  body.writeInt16BE(-1, 8); // No client id.
  const size = Buffer.alloc(4);
  size.writeInt32BE(body.length);
  socket.write(Buffer.concat([size, body]));
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Finding("silent")), timeoutMs);
    let heard = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      heard = Buffer.concat([heard, chunk]);
      if (heard[0] === TLS_ALERT) resolve("tls");
      else if (heard.length >= 8) resolve(heard.readInt32BE(4) === CORRELATION_ID ? "kafka" : "other");
    });
    socket.once("error", reject);
    socket.once("close", () => reject(Object.assign(new Error("Connection closed"), { code: "ECONNRESET" })));
    socket.once("close", () => clearTimeout(timer));
  });
}

function untilOpen(socket: Socket, event: "connect" | "secureConnect", timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const late = () => reject(Object.assign(new Error("timed out"), { code: "ETIMEDOUT" }));
    const timer = setTimeout(late, timeoutMs);
    socket.once(event, resolve);
    socket.on("error", reject);
    socket.once("close", () => clearTimeout(timer));
  });
}
