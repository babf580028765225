import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** One request as the stand-in got it. */
export interface SeenRequest {
  readonly path: string;
  readonly authorization: string;
  readonly body: { model: string; messages: { role: string; content: string }[]; response_format?: { type: string } };
}

type Respond = (request: SeenRequest, response: ServerResponse) => void;

/**
 * A stand-in for a paid API: a real HTTP server on loopback that speaks chat completions as far as the tests need.
 * It proves transport, failure handling and validation; it says nothing about the quality of a model.
 */
export async function startStandInServer() {
  const requests: SeenRequest[] = [];
  let respond: Respond = (_, response) => response.writeHead(500).end();
  const server = createServer(async (incoming, response) => {
    const seen = await read(incoming);
    requests.push(seen);
    respond(seen, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    requests,
    /** From now on requests get this answer, and the record of requests starts anew. */
    answers(next: Respond) {
      requests.length = 0;
      respond = next;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

async function read(incoming: IncomingMessage): Promise<SeenRequest> {
  let text = "";
  for await (const chunk of incoming) text += chunk;
  return { path: incoming.url ?? "", authorization: incoming.headers.authorization ?? "", body: JSON.parse(text) };
}

/** Answers with a status and a JSON body. */
export function json(status: number, body: unknown, headers: Record<string, string> = {}): Respond {
  return (_, response) =>
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
}

/** Answers with a status and an error as the API reports it. */
export function apiError(
  status: number,
  error: Record<string, unknown>,
  headers: Record<string, string> = {},
): Respond {
  return json(status, { error: { message: "no", type: "invalid_request_error", ...error } }, headers);
}

/** Answers with a completion whose message says this. */
export function says(content: string | null, extra: { finish?: string; refusal?: string } = {}): Respond {
  return json(200, completion(content, extra));
}

/** A completion as the API sends it. */
export function completion(content: string | null, extra: { finish?: string; refusal?: string } = {}) {
  return {
    id: "chatcmpl-1",
    object: "chat.completion",
    created: 1_700_000_000,
    model: "stand-in",
    choices: [
      {
        index: 0,
        finish_reason: extra.finish ?? "stop",
        message: { role: "assistant", content, refusal: extra.refusal ?? null },
      },
    ],
    usage: { prompt_tokens: 100, completion_tokens: 20, total_tokens: 120 },
  };
}
