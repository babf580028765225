import type OpenAI from "openai";
import { enrichmentOf } from "../../domains/links/enrich/answer.ts";
import { buildPrompt, PROMPT_VERSION } from "../../domains/links/enrich/prompt.ts";
import { type Answer, answerSchema } from "../../domains/links/enrich/schema.ts";
import type { Enricher } from "../../domains/links/ports.ts";
import { errorClassOf, RetryableError } from "../../engine/errors.ts";
import type { Logger } from "../../engine/logger.ts";
import { noTelemetry, secondsSince, type Telemetry } from "../../engine/telemetry.ts";
import { askModel } from "./ask-model.ts";
import { type Completion, readCompletion } from "./completion.ts";
import { jsonCandidates } from "./json-answer.ts";
import { createLadder } from "./ladder.ts";
import { TokenBudget } from "./token-budget.ts";

/** What is needed to talk to an OpenAI-compatible server. */
export interface LlmOptions {
  /** Empty for servers that want none. */
  readonly apiKey: string;
  /** Up to and including the version, e.g. `https://api.openai.com/v1`. */
  readonly baseUrl: string;
  readonly model: string;
  /** Longest wait for one answer, in milliseconds; local models need minutes. */
  readonly timeoutMs: number;
  /** Tokens that may be spent per day (UTC); unless given, any number. */
  readonly dailyTokens?: number | null;
  readonly log: Logger;
  readonly telemetry?: Telemetry;
  readonly now?: () => Date;
}

/**
 * Tags and summarizes with a language model. Errors say what happens next:
 * - `rate_limited`, `quota` (the server's, or that of `dailyTokens`), `configuration` (wrong key, address, model), `html_answer`: not before a stated time
 * - `timeout`, `connect`, `http_5xx`, `empty_answer`, `invalid_answer`, `truncated_answer`: another attempt
 * - `refused` (the model will not), `bad_request` (also the plainest request is invalid): none
 */
export function createLlmEnricher(options: LlmOptions): Enricher {
  const { apiKey, model, now = () => new Date() } = options;
  const ladder = createLadder();
  const budget = new TokenBudget(options.dailyTokens ?? null, now);
  let client: OpenAI | null = null;
  return {
    async enrich(content, { signal, catalog }) {
      signal.throwIfAborted();
      budget.check();
      client ??= await createClient(options);
      const server = client;
      const messages = buildPrompt(content, catalog);
      const completion = await measured(options, budget, async () => {
        const { body, rung } = await askModel({ client: server, ladder, messages, signal, now, ...options });
        return { rung, ...readCompletion(body, [apiKey], now()) };
      });
      const answer = readAnswer(completion.text, completion.truncated);
      return enrichmentOf(answer, content, catalog, `${model}/${PROMPT_VERSION}`);
    },
  };
}

/** Asks, and tells how long it took and what it cost. */
async function measured<T extends Completion & { readonly rung: string }>(
  { model, log, telemetry = noTelemetry }: LlmOptions,
  budget: TokenBudget,
  ask: () => Promise<T>,
): Promise<T> {
  const startedAt = performance.now();
  const tell = (outcome: string, promptTokens: number | null = null, completionTokens: number | null = null) => {
    const tokens = { promptTokens: promptTokens ?? 0, completionTokens: completionTokens ?? 0 };
    budget.spend(tokens.promptTokens + tokens.completionTokens);
    const { perDay, left } = budget;
    const spending = perDay === null || left === null ? null : { perDay, left };
    telemetry.modelCalled({ model, outcome, seconds: secondsSince(startedAt), ...tokens, budget: spending });
  };
  try {
    const completion = await ask();
    const { rung, promptTokens, completionTokens } = completion;
    tell("ok", promptTokens, completionTokens);
    log.info("language model answered", {
      model,
      rung,
      ms: Math.round(secondsSince(startedAt) * 1_000),
      prompt_tokens: promptTokens,
      completion_tokens: completionTokens,
    });
    return completion;
  } catch (error) {
    tell(errorClassOf(error));
    throw error;
  }
}

/** Loaded at first use, since a process without a key never needs it. The nulls keep the environment out of it. */
async function createClient({ apiKey, baseUrl, timeoutMs }: LlmOptions): Promise<OpenAI> {
  const { OpenAI } = await import("openai");
  return new OpenAI({
    apiKey: apiKey || "none",
    baseURL: baseUrl,
    adminAPIKey: null,
    organization: null,
    project: null,
    webhookSecret: null,
    timeout: timeoutMs,
    // Our own retry knows about quota and stated times; the client's does not (it asks again 0.4 s after a 90 s Retry-After).
    maxRetries: 0,
    logLevel: "off",
    // A redirect would take the key and the page somewhere nobody configured.
    fetchOptions: { redirect: "manual" },
  });
}

function readAnswer(text: string, truncated: boolean): Answer {
  for (const candidate of jsonCandidates(text)) {
    const answer = answerSchema.safeParse(candidate);
    if (answer.success) return answer.data;
  }
  if (truncated) throw new RetryableError("The language model's answer was cut off too early.", "truncated_answer");
  throw new RetryableError("The language model's answer has not the shape it was asked for.", "invalid_answer");
}
