import { hostname } from "node:os";
import type { App } from "./app.ts";
import type { Agent } from "./engine/agent.ts";
import { UserError } from "./engine/errors.ts";
import { positionKey } from "./engine/ports.ts";
import { sleep } from "./engine/sleep.ts";
import { createAgentWorker } from "./pipeline/agent-worker.ts";
import { createCatalogPublisher } from "./pipeline/catalog.ts";
import { createDispatcher } from "./pipeline/dispatcher.ts";
import { createMaterializer } from "./pipeline/materializer.ts";
import { createRelay } from "./pipeline/relay.ts";
import { createRouter } from "./pipeline/router.ts";
import { consume, type RecordHandler } from "./runtime/consume.ts";
import { type Drainer, drain } from "./runtime/drain.ts";
import type { Stage } from "./runtime/service.ts";

/** Until caught up, or until told to stop. */
export interface StageOptions {
  readonly once: boolean;
}

const clock = () => performance.now();
const now = () => new Date();

/** kafka:publish */
export function relayStage(app: App, options: StageOptions): Stage {
  const { log, store, registry, logger } = app;
  const topics = registry.topics.map((topic) => topic.name);
  const { outbox, forwarding } = store;
  return drainStage(app, createRelay({ log, outbox, forwarding, topics, logger, clock }), options);
}

/** router: the router proper, and the dispatcher that sends what it claimed. */
export function routerStages(app: App, options: StageOptions): Stage[] {
  const { registry, config, log, store } = app;
  const router = createRouter({ registry, backoff: config.retry, random: Math.random });
  const dispatcher = createDispatcher({ log, schedule: store.schedule, clock });
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
export function materializerStages(app: App, options: StageOptions): Stage[] {
  const materializing = consumeStage(app, createMaterializer({ registry: app.registry }), options);
  const publishing = drainStage(app, createCatalogPublisher({ log: app.log, catalog: app.store.catalog }), options);
  if (!options.once) return [materializing, publishing];
  const inOrder = async (signal: AbortSignal) => {
    await materializing.run(signal);
    await publishing.run(signal);
  };
  return [{ name: "materializer", run: inOrder }];
}

/** agent:<name> */
export function agentStage(app: App, agent: Agent, options: StageOptions): Stage {
  const { registry, store, logger, config } = app;
  const worker = createAgentWorker({ agent, registry, store, logger, now, random: Math.random });
  return {
    name: agent.name,
    async run(signal) {
      await consumeStage(app, worker.handler, options, () => worker.busy() === 0).run(signal);
      // Leaves time to give back what is not finished within the drain.
      await worker.drain(AbortSignal.timeout(options.once ? agent.timeoutMs : config.drainTimeoutMs * 0.8));
    },
  };
}

/** Every stage and agent, as `npm start` runs them in one process. */
export function allStages(app: App, options: StageOptions): Stage[] {
  return [
    relayStage(app, options),
    ...routerStages(app, options),
    ...materializerStages(app, options),
    ...app.registry.agents.map((agent) => agentStage(app, agent, options)),
  ];
}

function drainStage(app: App, drainer: Drainer, { once }: StageOptions): Stage {
  const { leases, wake } = app.store;
  const holder = `${hostname()}:${process.pid}:${crypto.randomUUID().slice(0, 8)}`;
  return {
    name: drainer.name,
    run: (signal) => drain(drainer, { leases, wake, logger: app.logger, signal, random: Math.random, holder, once }),
  };
}

function consumeStage(app: App, handler: RecordHandler, { once }: StageOptions, idle = () => true): Stage {
  return {
    name: handler.stage,
    async run(signal) {
      const { log, store, logger } = app;
      if (!once) return consume(handler, { log, store, logger, signal, random: Math.random });
      const done = new AbortController();
      const both = AbortSignal.any([signal, done.signal]);
      await Promise.all([
        consume(handler, { log, store, logger, signal: both, random: Math.random }),
        untilCaughtUp(app, handler, idle, both).finally(() => done.abort()),
      ]);
    },
  };
}

const CAUGHT_UP_POLL_MS = 200;

/** Resolves when the group has handled everything that its topics hold. */
async function untilCaughtUp(
  app: App,
  handler: RecordHandler,
  idle: () => boolean,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    if ((await lagOf(app, handler.group, handler.topics)) === 0 && idle()) return;
    await sleep(CAUGHT_UP_POLL_MS, signal).catch(() => {});
  }
}

/** Records that a group has not handled yet, over all partitions of its topics. */
export async function lagOf(app: App, group: string, topics: readonly string[]): Promise<number> {
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
