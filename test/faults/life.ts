import { classify } from "../../src/adapters/postgres/connect.ts";
import { linkAddedEvent } from "../../src/domains/links/index.ts";
import { EnvironmentError } from "../../src/engine/errors.ts";
import { ingest } from "../../src/pipeline/ingest.ts";
import { type Ended, type Running, startCommand } from "../support/commands.ts";
import { DEAD_HOST } from "../support/link-mix.ts";
import { servePages, type TestPages } from "../support/pages.ts";
import type { TestServers } from "../support/servers.ts";
import { settled } from "../support/settled.ts";
import { createTestApp, type TestApp, until } from "../support/test-app.ts";
import { type Capture, capture } from "./mixture.ts";
import { serveModel, type TestModel } from "./model.ts";

/** Every stage as a process of its own, as on many machines. */
export const STAGES = [
  "kafka:publish",
  "router",
  "kafka:materialize",
  "agent:fetcher",
  "agent:enricher",
  "agent:publisher",
] as const;
export type StageName = (typeof STAGES)[number];

const UP_WITHIN_MS = 60_000;

/** A process that was started, and how it was meant to end. */
export interface Started {
  readonly name: string;
  readonly command: Running;
  readonly diesByItself: boolean;
  asked: "kill" | "stop" | null;
}

export interface LifeOptions {
  readonly env?: Record<string, string>;
  /** How long a page takes to answer, so that there is time to be killed in. */
  readonly pageMs?: number;
  /** Which part of what is captured are links. */
  readonly links?: number;
  /** Pages are summarized by a model that counts how often it is asked, not by the enricher alone. */
  readonly model?: boolean;
  readonly servers?: TestServers;
}

/** A life of links, todos, temperatures and annotations on a database and topics of its own, with stages as processes. */
export class Life implements AsyncDisposable {
  readonly #running = new Map<string, Started>();
  readonly #started: Started[] = [];
  /** What stages are told otherwise than this process: a proxy's address. */
  stageEnv: Record<string, string> = {};
  /** Captures about so many events, of all kinds, on subjects old and new. */
  readonly capture: Capture;
  /** Records that were set aside on purpose, by id: of all rows that were in this life so far. */
  readonly aside = new Set<string>();

  private constructor(
    readonly world: TestApp,
    readonly pages: TestPages,
    readonly model: TestModel | null,
    random: () => number,
    links?: number,
  ) {
    this.capture = capture(world.app, pages.origin, random, links === undefined ? {} : { links });
  }

  static async begin(random: () => number, options: LifeOptions = {}): Promise<Life> {
    const { env = {}, pageMs = 10, links, servers } = options;
    const pages = await servePages({ delayMs: pageMs });
    const model = options.model ? await serveModel() : null;
    const world = await createTestApp(
      { FETCH_ALLOW_HOSTS: `${pages.host},${DEAD_HOST}`, ...model?.env, ...env },
      servers ? { servers } : {},
    );
    return new Life(world, pages, model, random, links);
  }

  /** Starts a stage; `as` tells a second one from the first. */
  start(stage: StageName, { env = {}, as = stage }: { env?: Record<string, string>; as?: string } = {}): Running {
    const command = startCommand([stage], { ...this.world.env, ...this.stageEnv, ...env });
    const started: Started = { name: as, command, diesByItself: "FAULT_AT" in env, asked: null };
    this.#started.push(started);
    this.#running.set(as, started);
    return command;
  }

  startAll(except: readonly StageName[] = []): void {
    for (const stage of STAGES) if (!except.includes(stage)) this.start(stage);
  }

  /** Until all that was started says that it runs. */
  async untilUp(): Promise<void> {
    const up = /runs; Ctrl-C stops it/;
    const notUp = () => [...this.running()].filter(([, command]) => !up.test(command.printed().stderr));
    await until(async () => notUp().length === 0, UP_WITHIN_MS).catch(() => {
      const each = notUp().map(([stage, command]) => `${stage}: ${command.printed().stderr.slice(-300)}`);
      throw new Error(`not up within ${UP_WITHIN_MS / 1_000} s: ${each.join("; ")}`);
    });
  }

  /** `kill -9`. What an agent had in hand is free when its lease has run out. */
  kill(as: string): Promise<void> {
    return this.leave(as, { abruptly: true });
  }

  /** One that was started under this name goes, by SIGTERM or by `kill -9`. */
  async leave(as: string, { abruptly }: { abruptly: boolean }): Promise<void> {
    const started = this.#running.get(as);
    this.#running.delete(as);
    if (started) await end(started, abruptly ? "kill" : "stop");
  }

  /** What runs, by its name. */
  running(): ReadonlyMap<string, Running> {
    return new Map([...this.#running].map(([as, { command }]) => [as, command]));
  }

  /** All that was ever started, also what has ended since. */
  started(): readonly Started[] {
    return this.#started;
  }

  /** What all of them said, line by line. */
  said(): string[] {
    return this.#started.flatMap(({ command }) => command.printed().stderr.split("\n"));
  }

  /** SIGTERM to everything that runs; how each ended. */
  async stopAll(): Promise<{ stage: string; code: number | null; ms: number }[]> {
    const stopping = [...this.#running].map(async ([stage, started]) => {
      const startedAt = performance.now();
      const { code } = await end(started, "stop");
      return { stage, code, ms: performance.now() - startedAt };
    });
    this.#running.clear();
    return Promise.all(stopping);
  }

  async captureLink(path: string): Promise<void> {
    const { store, registry } = this.world.app;
    const event = linkAddedEvent({ url: `${this.pages.origin}${path}`, source: "test", visibility: "public" });
    await ingest([event], { store, registry, now: () => new Date() });
  }

  /** How often each page was read so far, and the model asked about it. */
  asked(): Map<string, number> {
    const read = [...this.pages.requests].map(([path, times]) => [`page ${path}`, times] as const);
    const summarized = [...(this.model?.requests ?? [])].map(([path, times]) => [`summary of ${path}`, times] as const);
    return new Map([...read, ...summarized]);
  }

  /** Until one more page is asked for: then everything is amid its work. */
  async untilBusy(): Promise<void> {
    const before = this.pages.requests.size;
    await until(async () => this.pages.requests.size > before);
  }

  /** Until nothing is left to do. Returns how long it took, in milliseconds. */
  async untilSettled(withinMs: number): Promise<number> {
    const startedAt = performance.now();
    await until(() => this.#isSettled(), withinMs).catch(async () => {
      throw new Error(`not settled within ${withinMs / 1_000} s: ${await this.#leftToDo()}`);
    });
    return performance.now() - startedAt;
  }

  /** False, too, while Postgres is not back yet: it may take a while to read its log after a kill. */
  async #isSettled(): Promise<boolean> {
    try {
      return await settled(this.world.app);
    } catch (error) {
      if (classify(error) instanceof EnvironmentError) return false;
      throw error;
    }
  }

  async #leftToDo(): Promise<string> {
    const [row] = await this.world.app.db<{ left: string }[]>`
      select concat_ws(', ',
        (select count(*) || ' events not forwarded' from lifestream.events where not published_to_kafka),
        (select string_agg(n || ' ' || work_type || ' ' || status, ', ') from (
          select work_type, status, count(*) as n from lifestream.work where status <> 'done' group by 1, 2) as w),
        (select string_agg(consumer_group || ' behind by ' || n, ', ') from (
          select o.consumer_group, count(*) as n from lifestream.events e
          join lifestream.kafka_offsets o on o.topic = e.kafka_topic and o.partition = e.kafka_partition
          where e.kafka_offset > o.last_offset group by 1) as b)) as left`;
    const ended = [...this.running()].filter(([, command]) => command.hasEnded()).map(([stage]) => `${stage} ended`);
    return [row?.left, ...ended].join(", ");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#running.values()].map((started) => end(started, "kill")));
    await this.world[Symbol.asyncDispose]();
    await this.pages[Symbol.asyncDispose]();
    await this.model?.[Symbol.asyncDispose]();
  }
}

/** Ends a process; one that has ended already was not asked to. */
function end(started: Started, how: "kill" | "stop"): Promise<Ended> {
  if (!started.command.hasEnded()) started.asked = how;
  return how === "kill" ? started.command.kill() : started.command.stop();
}
