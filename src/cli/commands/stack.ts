import { once } from "node:events";
import { abortOnSignals } from "../../runtime/service.ts";
import { createContext } from "../context.ts";
import { withStack } from "../local-stack.ts";

/** `npm run stack`: the servers alone, for the other commands to use. */
export async function stack(): Promise<void> {
  const context = createContext();
  const { signal, dispose } = abortOnSignals(context.logger);
  try {
    await withStack(context, signal, async ({ describe, exited }) => {
      for (const line of describe) console.log(line);
      console.log(`addresses in ${context.config.home}/stack.env; Ctrl-C stops`);
      const stopped = signal.aborted ? Promise.resolve() : once(signal, "abort");
      const died = await Promise.race([stopped, exited]);
      if (died instanceof Error) throw died;
    });
  } finally {
    dispose();
  }
}
