import { STAGES_ANSWERED_WITHIN_MS } from "../../app.ts";
import { openObservability } from "../../observability.ts";
import { abortOnSignals, runStages } from "../../runtime/service.ts";
import { createContext, openCommandApp } from "../context.ts";
import { checkWebHost, readyLine, startWebServer, webPort } from "../web-server.ts";
import { checkSchema } from "./stages.ts";

/** `npm run web`: the page and the capture API alone, beside stages that run as processes of their own. */
export async function web(): Promise<void> {
  const context = createContext();
  const { config, logger } = context;
  checkWebHost(config);
  await using observed = await openObservability({ config, logger, program: "web", asked: true });
  const options = { withAgents: true, telemetry: observed.telemetry, answerWithinMs: STAGES_ANSWERED_WITHIN_MS };
  await using app = await openCommandApp("web", options, context);
  const { signal, dispose } = abortOnSignals(logger);
  try {
    await checkSchema(app);
    const server = await startWebServer(app, observed, await webPort(config));
    console.log(readyLine(server, config));
    const serving = { name: "web", run: (stop: AbortSignal) => closing(server, stop) };
    await runStages([serving], { signal, drainTimeoutMs: config.drainTimeoutMs, logger });
  } finally {
    dispose();
  }
}

async function closing(server: { close(): Promise<void> }, stop: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  stop.addEventListener("abort", () => resolve(), { once: true });
  if (!stop.aborted) await promise;
  await server.close();
}
