import { type ChildProcess, fork } from "node:child_process";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import type { ParseJob, ParseOutcome } from "./protocol.ts";

const ENTRY = fileURLToPath(new URL("./parser-process.ts", import.meta.url));

/** A parser process died over a job: by the deadline, by its memory limit, or by a fault of the parser. */
export class ParserDied extends Error {
  override readonly name = "ParserDied";
}

/** One parser process and the job it is at. */
export class Parser {
  readonly #child: ChildProcess;
  #alive = true;

  constructor(memoryLimitBytes: number) {
    this.#child = fork(ENTRY, [String(memoryLimitBytes)], {
      // Nothing of the environment: a parser that a page has taken over finds no secrets.
      env: {},
      cwd: dirname(ENTRY),
      execArgv: [],
      serialization: "advanced",
      stdio: ["ignore", "ignore", "ignore", "ipc"],
    });
    this.#child.on("exit", () => {
      this.#alive = false;
    });
    this.#child.on("error", () => this.kill());
    this.#rest();
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** Runs one job. Rejects with ParserDied, or with the signal's reason; in both cases the process is gone. */
  async run(job: ParseJob, timeoutMs: number, signal: AbortSignal): Promise<ParseOutcome> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<ParseOutcome>();
    const onExit = () => reject(new ParserDied("the parser took too much memory or crashed"));
    const onAbort = () => reject(signal.reason);
    const timer = setTimeout(() => reject(new ParserDied(`the parser took longer than ${timeoutMs} ms`)), timeoutMs);
    this.#child.once("message", resolve);
    this.#child.once("exit", onExit);
    signal.addEventListener("abort", onAbort, { once: true });
    this.#wake();
    try {
      this.#child.send(job, (error) => error && onExit());
      return await promise;
    } catch (error) {
      this.kill();
      throw error;
    } finally {
      clearTimeout(timer);
      this.#child.off("message", resolve);
      this.#child.off("exit", onExit);
      signal.removeEventListener("abort", onAbort);
      this.#rest();
    }
  }

  kill(): void {
    this.#alive = false;
    this.#child.kill("SIGKILL");
  }

  /** An idle parser does not keep the program running. */
  #rest(): void {
    this.#child.unref();
    this.#channel()?.unref?.();
  }

  #wake(): void {
    this.#child.ref();
    this.#channel()?.ref?.();
  }

  /** Bun's channel follows its process and has neither `ref` nor `unref`; Node's has both. */
  #channel(): { ref?: () => void; unref?: () => void } | null | undefined {
    return this.#child.channel;
  }
}
