import type OpenAI from "openai";
import type { PromptMessage } from "../../domains/links/enrich/prompt.ts";
import { answerJsonSchema } from "../../domains/links/enrich/schema.ts";
import { messageOf, RetryableError } from "../../engine/errors.ts";
import { failureOf, maybeAboutFormat, type Refusal } from "./failures.ts";
import type { Ladder, Rung } from "./ladder.ts";
import { redact } from "./redact.ts";

interface Question {
  readonly client: OpenAI;
  readonly ladder: Ladder;
  readonly messages: readonly PromptMessage[];
  readonly model: string;
  readonly apiKey: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly now: () => Date;
}

/** One question to the server, stepping down the ladder where it does not know a format. Returns the raw body. */
export async function askModel(question: Question): Promise<{ body: unknown; rung: Rung }> {
  const { client, ladder, messages, model, apiKey, timeoutMs, signal, now } = question;
  const deadline = AbortSignal.timeout(timeoutMs);
  // Sampling and length settings are left out: models disagree on which ones they accept.
  const ask = async (rung: Rung) => ({
    rung,
    body: (await client.chat.completions.create(
      { model, messages: [...messages], ...formatOf(rung) },
      { signal: AbortSignal.any([signal, deadline]) },
    )) as unknown,
  });
  try {
    return await ladder.climb(ask, (error) => {
      const refusal = refusalOf(error, apiKey);
      return refusal !== null && maybeAboutFormat(refusal);
    });
  } catch (error) {
    signal.throwIfAborted();
    const refusal = refusalOf(error, apiKey);
    throw refusal ? failureOf(refusal, now()) : transportFailure(error, deadline.aborted, question);
  }
}

function formatOf(rung: Rung): Pick<OpenAI.ChatCompletionCreateParamsNonStreaming, "response_format"> {
  if (rung === "plain") return {};
  if (rung === "json_object") return { response_format: { type: "json_object" } };
  const json_schema = { name: "enrichment", strict: true, schema: answerJsonSchema };
  return { response_format: { type: "json_schema", json_schema } };
}

/** The refusal in an error of the client; null if no answer came at all. Read by shape: the client is loaded lazily. */
function refusalOf(error: unknown, apiKey: string): Refusal | null {
  if (!(error instanceof Error) || !("status" in error) || typeof error.status !== "number") return null;
  const { code, type, headers } = error as { code?: unknown; type?: unknown; headers?: unknown };
  return {
    status: error.status,
    code: String(code ?? ""),
    type: String(type ?? ""),
    message: redact(error.message.replace(/^\d{3}\s+/, ""), [apiKey]),
    headers: headers instanceof Headers ? headers : undefined,
  };
}

/** The original error is not kept as cause: it holds the request, and with it the key. */
function transportFailure(error: unknown, timedOut: boolean, { timeoutMs, apiKey }: Question): RetryableError {
  const name = error instanceof Error ? error.constructor.name : "";
  if (timedOut || name === "APIConnectionTimeoutError") {
    return new RetryableError(`The language model did not answer within ${timeoutMs} ms.`, "timeout");
  }
  if (error instanceof SyntaxError) {
    return new RetryableError("The language model's server sent a body that is not JSON.", "invalid_answer");
  }
  const cause = error instanceof Error && error.cause ? `: ${messageOf(error.cause)}` : "";
  const said = redact(`${messageOf(error)}${cause}`, [apiKey]);
  return new RetryableError(`The language model's server cannot be reached: ${said}`, "connect");
}
