const MAX_MESSAGE = 300;

/** What may stand in a log or an error of what a server said: one short line without keys, neither ours nor any. */
export function redact(message: string, secrets: readonly string[]): string {
  let text = message;
  for (const secret of secrets) if (secret.length > 3) text = text.replaceAll(secret, "[redacted]");
  return text
    .replace(/\b(?:sk|pk|rk|gsk|xai|key)[-_][\w*.-]{4,}/gi, "[redacted]")
    .replace(/\bBearer\s+\S+/gi, "Bearer [redacted]")
    .replace(/\/\/[^/\s@]+@/g, "//[redacted]@")
    .replace(/\s+/g, " ")
    .slice(0, MAX_MESSAGE)
    .toWellFormed();
}
