import { promisify } from "node:util";
import { brotliDecompress, constants, gunzip, inflateRaw, inflate as inflateZlib } from "node:zlib";
import { RetryableError, TerminalError } from "../../engine/errors.ts";

type Inflater = (body: Buffer, maxOutputLength: number) => Promise<Buffer>;

// Flushing instead of finishing keeps what a server sent that ends its stream carelessly; browsers do the same.
const LENIENT = { finishFlush: constants.Z_SYNC_FLUSH };
const LENIENT_BROTLI = { finishFlush: constants.BROTLI_OPERATION_FLUSH };

const gzipped: Inflater = (body, maxOutputLength) => promisify(gunzip)(body, { ...LENIENT, maxOutputLength });

const INFLATERS: Readonly<Record<string, Inflater>> = {
  gzip: gzipped,
  "x-gzip": gzipped,
  br: (body, maxOutputLength) => promisify(brotliDecompress)(body, { ...LENIENT_BROTLI, maxOutputLength }),
  deflate: (body, maxOutputLength) =>
    promisify(hasZlibHeader(body) ? inflateZlib : inflateRaw)(body, { ...LENIENT, maxOutputLength }),
};

/** Undoes a content encoding; stops as soon as more than `limit` bytes come out. Throws `too_large`. */
export async function inflate(body: Buffer, encoding: string, limit: number): Promise<Buffer> {
  if (encoding === "" || encoding === "identity" || body.length === 0) {
    if (body.length > limit) throw tooLargeInflated(limit);
    return body;
  }
  const inflater = INFLATERS[encoding];
  if (!inflater) throw new TerminalError(`pages packed as ${encoding.slice(0, 50)} cannot be read`, "unsupported_type");
  try {
    return await inflater(body, limit);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE") {
      throw tooLargeInflated(limit, error);
    }
    throw new RetryableError(`the page is damaged: its ${encoding} packing cannot be undone`, "parse", {
      cause: error,
    });
  }
}

/** `deflate` means zlib, but some servers send it bare (RFC 9110, 8.4.1.2); the first byte tells. */
function hasZlibHeader(body: Buffer): boolean {
  return ((body[0] ?? 0) & 0x0f) === 8;
}

function tooLargeInflated(limit: number, cause?: unknown): TerminalError {
  const size = Math.round(limit / 100_000) / 10;
  return new TerminalError(`the page is larger than ${size} MB once unpacked`, "too_large", { cause });
}
