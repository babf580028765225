import { z } from "zod";
import { RetryableError, RetryLaterError, TerminalError } from "../../engine/errors.ts";
import { failureOf, type Refusal } from "./failures.ts";
import { redact } from "./redact.ts";

/** A page where an answer should be is a proxy, a maintenance page or a wrong address: it passes in minutes, not seconds. */
const HTML_MS = 5 * 60_000;

const completionSchema = z.looseObject({
  choices: z
    .array(
      z.looseObject({
        finish_reason: z.string().nullish(),
        message: z.looseObject({
          content: z.union([z.string(), z.array(z.looseObject({ text: z.string().nullish() }))]).nullish(),
          refusal: z.string().nullish(),
        }),
      }),
    )
    .min(1),
  usage: z.looseObject({ prompt_tokens: z.number().nullish(), completion_tokens: z.number().nullish() }).nullish(),
});

const errorBodySchema = z.looseObject({
  error: z.looseObject({
    message: z.string().nullish(),
    code: z.union([z.string(), z.number()]).nullish(),
    type: z.string().nullish(),
  }),
});

/** What a model said, and what it cost in tokens where the server tells. */
export interface Completion {
  readonly text: string;
  /** The answer ends because it ran out of room. */
  readonly truncated: boolean;
  readonly promptTokens: number | null;
  readonly completionTokens: number | null;
}

/** The answer in a response body with status 200, which need not be what the API promises. Throws where there is none. */
export function readCompletion(body: unknown, secrets: readonly string[], now: Date): Completion {
  const value = typeof body === "string" ? fromText(body) : body;
  const failed = errorBodySchema.safeParse(value);
  if (failed.success) throw failureOf(refusalIn(failed.data.error, secrets), now);
  const completion = completionSchema.safeParse(value);
  const choice = completion.data?.choices[0];
  if (!completion.success || !choice) {
    throw new RetryableError(
      "The language model's server answered with something else than a completion.",
      "invalid_answer",
    );
  }
  const { content, refusal } = choice.message;
  if (refusal || choice.finish_reason === "content_filter") {
    const why = redact(refusal || "its content filter stopped it", secrets);
    throw new TerminalError(`The language model refused this page: ${why}`, "refused");
  }
  const text = typeof content === "string" ? content : (content ?? []).map((part) => part.text ?? "").join("");
  if (text.trim() === "") throw new RetryableError("The language model's answer is empty.", "empty_answer");
  return {
    text,
    truncated: choice.finish_reason === "length",
    promptTokens: completion.data.usage?.prompt_tokens ?? null,
    completionTokens: completion.data.usage?.completion_tokens ?? null,
  };
}

/** Some servers send JSON under another content type; HTML there is never an answer. */
function fromText(body: string): unknown {
  if (body.trim() === "") throw new RetryableError("The language model's server sent an empty body.", "empty_answer");
  if (/^\s*</.test(body)) {
    const message =
      "The language model's server answered with a web page; check the base URL, or a proxy is in between.";
    throw new RetryLaterError(message, HTML_MS, "html_answer");
  }
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
}

/** Gateways report errors of the model behind them inside a 200; a code that is no status counts as a 502. */
function refusalIn(error: z.infer<typeof errorBodySchema>["error"], secrets: readonly string[]): Refusal {
  const status = Number(error.code);
  return {
    status: Number.isInteger(status) && status >= 400 && status < 600 ? status : 502,
    code: String(error.code ?? ""),
    type: error.type ?? "",
    message: redact(error.message ?? "", secrets),
    headers: undefined,
  };
}
