import { Parser } from "./parser.ts";
import type { ParseJob, ParseOutcome } from "./protocol.ts";

export interface ParserPoolOptions {
  readonly workers: number;
  readonly timeoutMs: number;
  readonly memoryLimitBytes: number;
}

/** Above this share of its memory limit a parser is replaced after its job, before it dies over the next one. */
const REPLACE_ABOVE = 0.5;

/** A few parser processes, started when needed, kept warm, replaced when they die. */
export class ParserPool {
  readonly #options: ParserPoolOptions;
  readonly #idle: Parser[] = [];
  readonly #busy = new Set<Parser>();
  readonly #waiting: (() => void)[] = [];
  #places: number;
  #closed = false;

  constructor(options: ParserPoolOptions) {
    this.#options = options;
    this.#places = options.workers;
  }

  /** Runs a job on the next free parser; the time limit begins there, not in the queue. */
  async run(job: ParseJob, signal: AbortSignal): Promise<ParseOutcome> {
    await this.#place(signal);
    try {
      return await this.#runOn(this.#takeParser(), job, signal);
    } finally {
      this.#free();
    }
  }

  async #runOn(parser: Parser, job: ParseJob, signal: AbortSignal): Promise<ParseOutcome> {
    this.#busy.add(parser);
    try {
      const outcome = await parser.run(job, this.#options.timeoutMs, signal);
      if (outcome.rssBytes > this.#options.memoryLimitBytes * REPLACE_ABOVE) parser.kill();
      return outcome;
    } finally {
      this.#busy.delete(parser);
      if (parser.alive) this.#idle.push(parser);
    }
  }

  /** Ends every parser, also those at work; none starts any more. */
  close(): void {
    this.#closed = true;
    for (const parser of [...this.#idle.splice(0), ...this.#busy]) parser.kill();
  }

  #takeParser(): Parser {
    if (this.#closed) throw new Error("the extractor is closed");
    let parser = this.#idle.pop();
    while (parser && !parser.alive) parser = this.#idle.pop();
    return parser ?? new Parser(this.#options.memoryLimitBytes);
  }

  async #place(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#places > 0) {
      this.#places -= 1;
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = () => {
      const index = this.#waiting.indexOf(resolve);
      if (index >= 0) this.#waiting.splice(index, 1);
      if (index >= 0) reject(signal.reason);
    };
    this.#waiting.push(resolve);
    signal.addEventListener("abort", onAbort, { once: true });
    await promise.finally(() => signal.removeEventListener("abort", onAbort));
  }

  #free(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#places += 1;
  }
}
