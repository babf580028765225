/** Small bodies that unpack to a gigabyte, made while they are sent. */
import { Readable } from "node:stream";
import { constants, createBrotliCompress, createDeflate, createGzip } from "node:zlib";

const MEGABYTE = Buffer.alloc(1_000_000, " ");

function* gigabyte(): Generator<Buffer> {
  for (let megabyte = 0; megabyte < 1_000; megabyte++) yield MEGABYTE;
}

const PACKERS = {
  gzip: () => createGzip(),
  deflate: () => createDeflate(),
  br: () => createBrotliCompress({ params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }),
};

/** A gigabyte of blanks under a content encoding, as a stream. */
export function bomb(encoding: keyof typeof PACKERS): Readable {
  return Readable.from(gigabyte()).pipe(PACKERS[encoding]()) as unknown as Readable;
}
