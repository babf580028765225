import { createHash } from "node:crypto";
import type { Payload } from "../../engine/event.ts";

const HEX_DIGITS = 32;

/**
 * What a page says, as a key: the first 32 hex digits of SHA-256 over title and text of a `content.fetched` payload.
 * Enriching keys on it, so a page read again without a change costs nothing. The two parts are JSON-encoded, so that
 * text cannot move between them unnoticed.
 */
export function contentHash(payload: Payload): string {
  const parts = [text(payload.title), text(payload.text_content)];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, HEX_DIGITS);
}

const text = (value: unknown): string => (typeof value === "string" ? value : "");
