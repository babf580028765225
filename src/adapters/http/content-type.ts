import { TerminalError } from "../../engine/errors.ts";

const READABLE = new Set([
  "text/html",
  "application/xhtml+xml",
  "text/plain",
  "text/markdown",
  "application/json",
  "application/ld+json",
]);

/** Openings of files that are no text, whatever their label says. */
const BINARY_OPENINGS: readonly (readonly [string, string])[] = [
  ["%PDF-", "application/pdf"],
  ["\x89PNG", "image/png"],
  ["\xff\xd8\xff", "image/jpeg"],
  ["GIF8", "image/gif"],
  ["PK\x03\x04", "application/zip"],
  ["\x1f\x8b", "application/gzip"],
];

const HTML_OPENING =
  /^\s*(<!--|<!doctype html|<\?xml|<(html|head|body|title|meta|script|div|p|h1|table|article)[\s>])/i;

/** `text/html` of `Text/HTML; charset=...`. Empty when there is none. */
export function mediaType(contentType: string): string {
  return (contentType.split(";")[0] ?? "").trim().toLowerCase();
}

/** Refuses a declared type nobody can read, before its body is taken. None declared: the body will tell. */
export function checkDeclaredType(contentType: string): void {
  const type = mediaType(contentType);
  if (type && !READABLE.has(type)) throw unsupported(type);
}

/** The type to read a body by: the declared one, unless there is none or the bytes plainly say otherwise. */
export function settleType(contentType: string, body: Uint8Array): string {
  const opening = Buffer.from(body.subarray(0, 1_024)).toString("latin1");
  const binary = BINARY_OPENINGS.find(([bytes]) => opening.startsWith(bytes));
  if (binary) throw unsupported(binary[1]);
  if (mediaType(contentType)) return contentType;
  if (HTML_OPENING.test(opening.replace(/^\xef\xbb\xbf/, ""))) return "text/html";
  if (opening.includes("\0") && !/^(\xff\xfe|\xfe\xff)/.test(opening)) throw unsupported("application/octet-stream");
  return "text/plain";
}

function unsupported(type: string): TerminalError {
  return new TerminalError(`pages of type ${type.slice(0, 100)} cannot be read`, "unsupported_type");
}
