/**
 * Entry of the parser process. It parses in a thread and watches from outside: a busy or swelling thread cannot keep it
 * from ending itself when it has too much memory, or when the process that started it is gone (also after kill -9).
 */
import { Worker } from "node:worker_threads";

const MEMORY_LIMIT_BYTES = Number(process.argv[2]);
const WATCH_EVERY_MS = 25;

// SIGKILL, because an orderly exit would wait for the thread.
const die = () => process.kill(process.pid, "SIGKILL");

process.on("disconnect", die);
if (!process.connected) die();
setInterval(() => {
  if (process.memoryUsage.rss() > MEMORY_LIMIT_BYTES) die();
}, WATCH_EVERY_MS);

const thread = new Worker(new URL("./parser-thread.ts", import.meta.url));
thread.on("message", (outcome) => process.send?.(outcome));
thread.on("error", die);
thread.on("exit", die);
process.on("message", (job) => thread.postMessage(job));
