import type { StackError } from "./errors.ts";

export interface StackLog {
  info(message: string, fields?: object): void;
  warn(message: string, fields?: object): void;
}

/** What every server needs to start. */
export interface ServerOptions {
  /** STREAM_HOME, absolute. */
  readonly home: string;
  /** Undefined: the last one if it is free, else any free one. */
  readonly port?: number | undefined;
  readonly log: StackLog;
  readonly signal: AbortSignal;
}

/** One running server of the stack. */
export interface RunningServer {
  /** What its clients connect to. */
  readonly address: string;
  readonly description: string;
  /** Resolves when the server ended without having been asked to. */
  readonly died: Promise<StackError>;
  stop(): Promise<void>;
}
