import { plain } from "./format.ts";
import { tellError } from "./tell-error.ts";

/**
 * Ends the process on an error that reaches no command: a rejection that nobody awaits, or what a timer or a socket
 * throws. It is told as every other error is, and a supervisor starts the process again.
 */
export function endOnStrayErrors(): void {
  let ending = false;
  // At once, as nobody knows what state the process is in. Not even an error in the telling is left to Bun.
  const end = (error: unknown): never => {
    const first = !ending;
    ending = true;
    try {
      if (first) tellError(error, asMistakeOfOurs);
    } finally {
      process.exit(1);
    }
  };
  process.on("uncaughtException", end);
  process.on("unhandledRejection", end);
  process.stdout.on("error", endUnread);
}

function asMistakeOfOurs(message: string): string {
  return (
    `stopped by an unexpected error: ${plain(message)} - a mistake of this program, not of yours. ` +
    "Nothing that is in the ledger is lost: started again, it goes on from there"
  );
}

/** Whoever stops reading, as `head` does, has what they wanted; what has work in hand ends it first, as on SIGTERM. */
function endUnread(error: NodeJS.ErrnoException): void {
  if (error.code === "EPIPE") {
    if (!process.emit("SIGTERM", "SIGTERM")) process.exit(0);
    return;
  }
  tellError(error, (message) => `standard output cannot be written: ${message}`);
  process.exit(1);
}
