import { hostname } from "node:os";
import type { App } from "./app.ts";
import type { Config } from "./config.ts";
import type { Agent } from "./engine/agent.ts";
import { messageOf, UserError } from "./engine/errors.ts";
import { positionKey } from "./engine/log.ts";
import { createAgentWorker } from "./pipeline/agent-worker.ts";
import { createCatalogPublisher } from "./pipeline/catalog.ts";
import { createDispatcher } from "./pipeline/dispatcher.ts";
import { createMaterializer, MATERIALIZER_GROUP } from "./pipeline/materializer.ts";
import { createRelay } from "./pipeline/relay.ts";
import { untilNoReset } from "./pipeline/reset-fence.ts";
import { createRouter, ROUTER_GROUP } from "./pipeline/router.ts";
import { offerTooNew } from "./pipeline/too-new.ts";
import { consume, type RecordHandler } from "./runtime/consume.ts";
import { type Drainer, drain } from "./runtime/drain.ts";
import type { Stage } from "./runtime/service.ts";

/** Until caught up, or until told to stop. */
export interface StageOptions {
  readonly once: boolean;
}

/** What stages are made of. */
export type StageContext = Pick<App, "registry" | "log" | "store" | "logger" | "telemetry" | "clock" | "random"> & {
  readonly config: Pick<Config, "retry" | "drainTimeoutMs">;
};

/** kafka:publish */
export function relayStage(app: StageContext, options: StageOptions): Stage {
  const { log, store, registry, logger, telemetry, clock } = app;
  const topics = registry.topics.map((topic) => topic.name);
  const readers = [ROUTER_GROUP, MATERIALIZER_GROUP];
  const { outbox, forwarding } = store;
  return drainStage(
    app,
    createRelay({ log, outbox, forwarding, topics, readers, logger, telemetry, clock: clock.now, sleep: clock.sleep }),
    options,
  );
}

/** router: the router proper, and the dispatcher that sends what it claimed. */
export function routerStages(app: StageContext, options: StageOptions): Stage[] {
  const { registry, config, log, store, logger, telemetry, clock, random } = app;
  const router = createRouter({ registry, backoff: config.retry, random, telemetry });
  const offer = () => offerTooNew({ store, registry, logger, now: clock.date });
  const dispatcher = createDispatcher({
    log,
    schedule: store.schedule,
    forwarding: store.forwarding,
    topics: [...registry.work.values()].map(({ topic }) => topic),
    clock,
    logger,
    telemetry,
    offerTooNew: offer,
  });
  const consuming = consumeStage(app, router, options);
  const dispatching = drainStage(app, dispatcher, options);
  if (!options.once) return [consuming, dispatching];
  // Caught up means in this order: what the router claims last must still be sent.
  const inOrder = async (signal: AbortSignal) => {
    await consuming.run(signal);
    await dispatching.run(signal);
  };
  return [{ name: "router", run: inOrder }];
}

/** kafka:materialize: state tables, and the tag vocabulary that comes of them. */
export function materializerStages(app: StageContext, options: StageOptions): Stage[] {
  const { registry, telemetry, log } = app;
  const { catalog, forwarding } = app.store;
  const materializing = consumeStage(app, createMaterializer({ registry, telemetry }), options);
  const publishing = drainStage(app, createCatalogPublisher({ log, catalog, forwarding }), options);
  if (!options.once) return [materializing, publishing];
  const inOrder = async (signal: AbortSignal) => {
    await materializing.run(signal);
    await publishing.run(signal);
  };
  return [{ name: "materializer", run: inOrder }];
}

/** agent:<name> */
export function agentStage(app: StageContext, agent: Agent, options: StageOptions): Stage {
  const { registry, store, logger, telemetry, clock, random, config } = app;
  const worker = createAgentWorker({ agent, registry, store, logger, telemetry, clock, random });
  return {
    name: agent.name,
    async run(signal) {
      const prepared = prepare(app, agent, signal);
      await consumeStage(app, worker.handler, options, () => worker.busy() === 0).run(signal);
      await prepared;
      // Leaves time to give back what is not finished within the drain.
      await worker.drain(clock.deadline(options.once ? agent.timeoutMs : config.drainTimeoutMs * 0.65));
    },
  };
}

/** What goes wrong here holds up no work: it is tried again with the next start. */
async function prepare({ logger }: StageContext, agent: Agent, signal: AbortSignal): Promise<void> {
  try {
    await agent.prepare?.({ signal, log: logger });
  } catch (error) {
    if (!signal.aborted) logger.warn(`${agent.name} could not prepare: ${messageOf(error)}`);
  }
}

/** Every stage and agent, as `npm start` runs them in one process. */
export function allStages(app: StageContext, options: StageOptions): Stage[] {
  return [
    relayStage(app, options),
    ...routerStages(app, options),
    ...materializerStages(app, options),
    ...app.registry.agents.map((agent) => agentStage(app, agent, options)),
  ];
}

function drainStage(app: StageContext, drainer: Drainer, { once }: StageOptions): Stage {
  const { logger, telemetry, clock, random } = app;
  const { leases, wake } = app.store;
  const holder = `${hostname()}:${process.pid}:${crypto.randomUUID().slice(0, 8)}`;
  return {
    name: drainer.name,
    async run(signal) {
      await untilNoReset({ ...app, stage: drainer.name, once }, signal);
      await drain(drainer, { leases, wake, logger, telemetry, clock, random, signal, holder, once });
    },
  };
}

function consumeStage(app: StageContext, handler: RecordHandler, { once }: StageOptions, idle = () => true): Stage {
  return {
    name: handler.stage,
    async run(signal) {
      const { log, store, logger, telemetry, clock, random } = app;
      const context = { log, store, logger, telemetry, clock, random };
      await untilNoReset({ ...app, stage: handler.stage, once }, signal);
      if (!once) return consume(handler, { ...context, signal });
      const done = new AbortController();
      const both = AbortSignal.any([signal, done.signal]);
      await Promise.all([
        consume(handler, { ...context, signal: both }),
        untilCaughtUp(app, handler, idle, both).finally(() => done.abort()),
      ]);
    },
  };
}

const CAUGHT_UP_POLL_MS = 200;

/** Resolves when the group has handled everything that its topics hold. */
async function untilCaughtUp(
  app: StageContext,
  handler: RecordHandler,
  idle: () => boolean,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    if ((await lagOf(app, handler.group, handler.topics)) === 0 && idle()) return;
    await app.clock.sleep(CAUGHT_UP_POLL_MS, signal).catch(() => {});
  }
}

/** Records that a group has not handled yet, over all partitions of its topics. */
export async function lagOf(app: StageContext, group: string, topics: readonly string[]): Promise<number> {
  const { topicIds } = await app.log.identity(topics);
  const missing = topics.find((topic) => !topicIds.has(topic));
  if (missing) throw new UserError(`the topic ${missing} does not exist: run "npm run kafka:init"`);
  const ends = await app.log.endOffsets(topics);
  const partitions = [...ends.keys()].map((key) => {
    const cut = key.lastIndexOf(":");
    const topic = key.slice(0, cut);
    return { topic, partition: Number(key.slice(cut + 1)), topicId: topicIds.get(topic) ?? "" };
  });
  const positions = await app.store.positions.load(group, partitions);
  return partitions.reduce((lag, partition) => {
    const key = positionKey(partition);
    return lag + Math.max(0, (ends.get(key) ?? 0) - (positions.get(key)?.lastOffset ?? -1) - 1);
  }, 0);
}
