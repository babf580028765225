import pino from "pino";
import pretty from "pino-pretty";
import type { Logger } from "../engine/logger.ts";
import { type Redact, redactor } from "./redact.ts";

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
