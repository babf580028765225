import { type ClientRequest, request as httpRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Socket } from "node:net";
import { errorClassOf, RetryableError } from "../../engine/errors.ts";
import { type Deadlines, spoken } from "./deadlines.ts";
import { networkFailure } from "./failures.ts";
import type { PageLimits } from "./limits.ts";
import type { Address } from "./resolve.ts";
import type { Target } from "./target.ts";

/** Names the project, so that a site's owner knows who reads. */
const USER_AGENT = "Mozilla/5.0 (compatible; stream-agents/0.1; personal link reader)";

/** At most this many of a host's addresses are tried. */
const ADDRESSES_TRIED = 3;

/** Interim answers (1xx) before the real one: a page may send a few, and only a hostile one sends them without end. */
const INTERIM_ANSWERS = 20;

/** Sends one GET and waits for the response's headers. Tries a host's next address when one cannot be reached. */
export async function ask(
  target: Target,
  addresses: readonly Address[],
  limits: PageLimits,
  deadlines: Deadlines,
): Promise<IncomingMessage> {
  using connecting = deadlines.phase(
    limits.connectMs,
    `${target.hostname} could not be reached within ${spoken(limits.connectMs)}`,
  );
  let failure: unknown;
  for (const address of addresses.slice(0, ADDRESSES_TRIED)) {
    try {
      return await askAddress(target, address, limits, deadlines, connecting);
    } catch (error) {
      failure = error;
      if (errorClassOf(error) !== "connect" || deadlines.signal.aborted) throw error;
    }
  }
  throw failure;
}

async function askAddress(
  target: Target,
  address: Address,
  limits: PageLimits,
  deadlines: Deadlines,
  connecting: Disposable,
): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const request = send(target, address);
  // The request lives as long as the signal: it also ends a body that is being read.
  deadlines.signal.addEventListener("abort", () => request.destroy(asError(deadlines.signal.reason)), { once: true });
  request.on("error", (error) => reject(networkFailure(error, target.hostname)));
  request.on("response", (response) => {
    // A response that nobody reads any more may still break off; that is nobody's failure then.
    response.on("error", () => {});
    resolve(response);
  });
  let interim = 0;
  request.on("information", () => {
    if (++interim <= INTERIM_ANSWERS) return;
    reject(new RetryableError(`${target.hostname} sends interim answers without end`, "connect"));
  });
  let answering: Disposable | undefined;
  whenConnected(request, target.secure, () => {
    connecting[Symbol.dispose]();
    const message = `${target.hostname} did not answer within ${spoken(limits.headersMs)}`;
    answering = deadlines.phase(limits.headersMs, message);
  });
  request.end();
  try {
    return await deadlines.race(promise);
  } catch (error) {
    request.destroy();
    throw error;
  } finally {
    answering?.[Symbol.dispose]();
  }
}

function send(target: Target, address: Address): ClientRequest {
  const { url } = target;
  const options: RequestOptions = {
    hostname: target.hostname,
    port: target.port,
    path: url.pathname + url.search,
    // No pool: a kept connection would outlive the check of its address.
    agent: false,
    lookup: pinnedTo(address),
    maxHeaderSize: 64 * 1_024,
    headers: {
      host: target.hostHeader,
      "user-agent": USER_AGENT,
      accept: "text/html, application/xhtml+xml, text/plain;q=0.9, application/json;q=0.8, */*;q=0.1",
      "accept-encoding": "gzip, deflate, br",
    },
  };
  return target.secure ? httpsRequest(options) : httpRequest(options);
}

/** A resolver that knows one answer: the connection goes to the checked address, whatever DNS says by now. */
function pinnedTo({ address, family }: Address): NonNullable<RequestOptions["lookup"]> {
  return (_hostname, options, callback) => {
    if (options.all) callback(null, [{ address, family }]);
    else callback(null, address, family);
  };
}

function whenConnected(request: ClientRequest, secure: boolean, then: () => void): void {
  request.once("socket", (socket: Socket) => socket.once(secure ? "secureConnect" : "connect", then));
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
