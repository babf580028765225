/** Runs inside a thread of the parser process: takes jobs, answers outcomes. */
import { parentPort } from "node:worker_threads";
import { messageOf, TerminalError } from "../../engine/errors.ts";
import type { ParseJob, ParseOutcome } from "./protocol.ts";
import { readPage } from "./read-page.ts";

parentPort?.on("message", (job: ParseJob) => parentPort?.postMessage(outcomeOf(job)));

function outcomeOf({ page, plainly }: ParseJob): ParseOutcome {
  try {
    return { page: readPage(page, plainly), rssBytes: process.memoryUsage.rss() };
  } catch (error) {
    return { error: described(error), rssBytes: process.memoryUsage.rss() };
  }
}

function described(error: unknown): { message: string; errorClass: string } {
  if (error instanceof TerminalError) return { message: error.message, errorClass: error.errorClass };
  return { message: `the page could not be taken apart: ${messageOf(error)}`, errorClass: "parse" };
}
