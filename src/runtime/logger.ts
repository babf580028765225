import pino from "pino";
import pretty from "pino-pretty";
import type { Logger } from "../engine/logger.ts";

export interface LoggerOptions {
  readonly level: "debug" | "info" | "warn" | "error";
  /** Human lines with colour; otherwise one JSON object a line. */
  readonly pretty: boolean;
  /** Exact values that must never appear: passwords, keys. */
  readonly secrets: readonly string[];
  readonly destination: NodeJS.WritableStream;
}

/** The one structured logger. Secrets are taken out of every message and field before anything is written. */
export function createLogger({ level, pretty: human, secrets, destination }: LoggerOptions): Logger {
  const stream = human
    ? pretty({ destination, colorize: true, ignore: "pid,hostname", translateTime: "SYS:HH:MM:ss", sync: true })
    : destination;
  const sink = pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, stream);
  return wrap(sink, redactor(secrets));
}

type Redact = (value: unknown, key?: string) => unknown;

function wrap(sink: pino.Logger, redact: Redact): Logger {
  const at = (level: "debug" | "info" | "warn" | "error") => (message: string, fields?: Record<string, unknown>) =>
    sink[level](redact(fields ?? {}) as object, redact(message) as string);
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    child: (fields) => wrap(sink.child(redact(fields) as object), redact),
  };
}

const SECRET_NAME = /passw|secret|token|authorization|api_?key|cookie/i;
const URL_CREDENTIALS = /(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@:]*:[^\s/@]*@/gi;
const BEARER = /\b(bearer|basic)\s+[a-z0-9._~+/=-]{8,}/gi;
const HIDDEN = "[redacted]";

/** Takes known secrets, credentials in URLs, bearer tokens and fields named like secrets out of a value. */
export function redactor(secrets: readonly string[]): Redact {
  const known = secrets.filter((secret) => secret.length >= 4);
  const clean = (text: string) => {
    let result = text.replace(URL_CREDENTIALS, `$1${HIDDEN}@`).replace(BEARER, `$1 ${HIDDEN}`);
    for (const secret of known) result = result.replaceAll(secret, HIDDEN);
    return result;
  };
  const redact: Redact = (value, key) => {
    if (key !== undefined && SECRET_NAME.test(key)) return HIDDEN;
    if (typeof value === "string") return clean(value);
    if (value instanceof Error) return clean(value.message);
    if (Array.isArray(value)) return value.map((item) => redact(item));
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, redact(item, name)]));
    }
    return value;
  };
  return redact;
}
