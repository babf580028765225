import type { IncomingMessage } from "node:http";
import type { FetchedPage, PageClient } from "../../domains/links/ports.ts";
import { errorClassOf, TerminalError } from "../../engine/errors.ts";
import type { Logger } from "../../engine/logger.ts";
import { noTelemetry, secondsSince, type Telemetry } from "../../engine/telemetry.ts";
import { type AllowList, createAllowList } from "./allow-list.ts";
import { readBody } from "./body.ts";
import { checkDeclaredType, settleType } from "./content-type.ts";
import { Deadlines, spoken } from "./deadlines.ts";
import { ask } from "./hop.ts";
import { HostTurns, type Manners, type Turn } from "./host-turns.ts";
import { DEFAULT_LIMITS, type PageLimits } from "./limits.ts";
import { defaultLookup, type Lookup, resolveTarget } from "./resolve.ts";
import { statusFailure } from "./status.ts";
import { parseTarget, redirectTarget, type Target } from "./target.ts";

export interface PageClientOptions {
  /** `host` or `host:port` whose private addresses and unusual ports may be visited. */
  readonly allowHosts: readonly string[];
  readonly limits?: Partial<PageLimits>;
  /** Stands in for DNS in tests. */
  readonly lookup?: Lookup;
  readonly log: Logger;
  readonly telemetry?: Telemetry;
}

interface Guards {
  readonly allowList: AllowList;
  readonly limits: PageLimits;
  readonly lookup: Lookup;
  readonly turns: HostTurns;
}

/** Errors after which the next request to the same host would fail the same way. */
const HOST_IS_DOWN = new Set(["dns", "connect", "timeout"]);

const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/**
 * The way to the outside world: http and https only, addresses checked after the look-up and pinned for the
 * connection, every redirect checked again, deadlines, size caps, one request at a time per host.
 * It keeps no cookies and sends no credentials.
 */
export function createPageClient(options: PageClientOptions): PageClient {
  const { allowHosts, limits, lookup, log, telemetry = noTelemetry } = options;
  const guards: Guards = {
    allowList: createAllowList(allowHosts),
    limits: { ...DEFAULT_LIMITS, ...limits },
    lookup: lookup ?? defaultLookup,
    turns: new HostTurns(),
  };
  return {
    async get(url, { signal }) {
      const startedAt = performance.now();
      try {
        const page = await visit(url, guards, signal);
        telemetry.fetched("ok", secondsSince(startedAt));
        log.debug("page read", { host: new URL(page.finalUrl).host, bytes: page.body.length });
        return page;
      } catch (error) {
        telemetry.fetched(errorClassOf(error), secondsSince(startedAt));
        throw error;
      }
    },
  };
}

async function visit(url: string, guards: Guards, signal: AbortSignal): Promise<FetchedPage> {
  const { limits, allowList } = guards;
  const first = parseTarget(url, allowList);
  const visitor = new Visitor(guards);
  try {
    await visitor.moveTo(first, signal);
    using deadlines = new Deadlines(signal);
    using _ = deadlines.phase(limits.totalMs, `the page was not complete within ${spoken(limits.totalMs)}`);
    return await follow(first, visitor, guards, deadlines);
  } finally {
    visitor.leave();
  }
}

async function follow(first: Target, visitor: Visitor, guards: Guards, deadlines: Deadlines): Promise<FetchedPage> {
  let target = first;
  for (let hop = 0; hop <= guards.limits.redirects; hop++) {
    const response = await visitor.ask(target, deadlines);
    try {
      const location = REDIRECTS.has(response.statusCode ?? 0) ? response.headers.location : undefined;
      if (!location) return await readPage(target, response, guards.limits, deadlines);
      target = redirectTarget(location, target, guards.allowList);
    } finally {
      response.destroy();
    }
    await visitor.moveTo(target, deadlines.signal);
  }
  throw new TerminalError(`the page redirects more than ${guards.limits.redirects} times`, "too_many_redirects");
}

async function readPage(
  { url }: Target,
  response: IncomingMessage,
  limits: PageLimits,
  deadlines: Deadlines,
): Promise<FetchedPage> {
  const failure = statusFailure(response.statusCode ?? 0, response.headers, Date.now());
  if (failure) throw failure;
  const declared = response.headers["content-type"] ?? "";
  checkDeclaredType(declared);
  const body = await readBody(response, limits, deadlines);
  return { finalUrl: url.href, contentType: settleType(declared, body), body };
}

/** Holds the turn at one host at a time, so that two pages redirecting to each other cannot wait for each other. */
class Visitor {
  #host: string | null = null;
  #turn: Turn | null = null;
  #down: Error | undefined;

  constructor(private readonly guards: Guards) {}

  async moveTo(target: Target, signal: AbortSignal): Promise<void> {
    const host = target.allowed ? target.hostHeader : target.hostname;
    if (host === this.#host) return;
    this.leave();
    this.#turn = await this.guards.turns.take(host, this.#mannersFor(target), signal);
    this.#host = host;
  }

  async ask(target: Target, deadlines: Deadlines): Promise<IncomingMessage> {
    const { limits, lookup } = this.guards;
    try {
      return await ask(target, await this.#resolve(target, lookup, deadlines), limits, deadlines);
    } catch (error) {
      if (error instanceof Error && HOST_IS_DOWN.has(errorClassOf(error))) this.#down = error;
      throw error;
    }
  }

  leave(): void {
    this.#turn?.release(this.#down);
    this.#turn = null;
    this.#host = null;
    this.#down = undefined;
  }

  async #resolve(target: Target, lookup: Lookup, deadlines: Deadlines) {
    const { connectMs } = this.guards.limits;
    using _ = deadlines.phase(connectMs, `${target.hostname} could not be looked up within ${spoken(connectMs)}`);
    return await resolveTarget(target, lookup, deadlines);
  }

  #mannersFor({ allowed }: Target): Manners {
    const { hostGapMs, hostDownMs } = this.guards.limits;
    return allowed ? { gapMs: 0, downMs: 0 } : { gapMs: hostGapMs, downMs: hostDownMs };
  }
}
