import type { IncomingMessage } from "node:http";
import { RetryableError, TerminalError } from "../../engine/errors.ts";
import { type Deadlines, spoken } from "./deadlines.ts";
import { networkFailure } from "./failures.ts";
import { inflate } from "./inflate.ts";
import type { PageLimits } from "./limits.ts";

/** Reads a response's body within its caps, inflated. The response is destroyed if anything goes wrong. */
export async function readBody(response: IncomingMessage, limits: PageLimits, deadlines: Deadlines): Promise<Buffer> {
  const encoding = (response.headers["content-encoding"] ?? "").trim().toLowerCase();
  if (Number(response.headers["content-length"]) > limits.rawBytes) throw tooLarge(limits.rawBytes);
  const raw = await deadlines.race(readRaw(response, limits, deadlines));
  return await deadlines.race(inflate(raw, encoding, limits.inflatedBytes));
}

async function readRaw(response: IncomingMessage, limits: PageLimits, deadlines: Deadlines): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  using _ = minimumRate(() => size, limits, deadlines);
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > limits.rawBytes) throw tooLarge(limits.rawBytes);
      chunks.push(chunk);
    }
  } catch (error) {
    throw networkFailure(error, "the page");
  }
  if (!response.complete) throw new RetryableError("the page broke off in the middle", "connect");
  return Buffer.concat(chunks);
}

/** Gives up on a body that trickles: a few bytes a second would hold a place until the last deadline. */
function minimumRate(received: () => number, limits: PageLimits, deadlines: Deadlines): Disposable {
  let before = 0;
  const timer = setInterval(() => {
    const now = received();
    if (now - before < limits.minBytesPerWindow) {
      const message = `the page sent less than ${limits.minBytesPerWindow} bytes in ${spoken(limits.rateWindowMs)}`;
      deadlines.fail(new RetryableError(message, "timeout"));
    }
    before = now;
  }, limits.rateWindowMs);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** More bytes than a page may have. */
export function tooLarge(limit: number): TerminalError {
  return new TerminalError(`the page is larger than ${Math.round(limit / 100_000) / 10} MB`, "too_large");
}
