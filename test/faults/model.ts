import { completion, json, startStandInServer } from "../../src/adapters/llm/stand-in-server.ts";

/** A language model that answers at once and counts what it was asked about. */
export interface TestModel extends AsyncDisposable {
  /** What tells the enricher to ask it. */
  readonly env: Record<string, string>;
  /** Requests so far, by the page's path. */
  readonly requests: Map<string, number>;
}

const SUMMARY = { language: "en", tags: ["log"], summary_short: "A log.", summary_long: "A log, long." };

export const ANSWER = json(200, completion(JSON.stringify(SUMMARY)));

export async function serveModel(): Promise<TestModel> {
  const server = await startStandInServer();
  const requests = new Map<string, number>();
  server.answers((request, response) => {
    const said = request.body.messages.map(({ content }) => content).join(" ");
    const [, path = "an unknown page"] = /Article (\/[\w/]+)/.exec(said) ?? [];
    requests.set(path, (requests.get(path) ?? 0) + 1);
    ANSWER(request, response);
  });
  return {
    env: { OPENAI_API_KEY: "sk-stand-in", OPENAI_BASE_URL: server.baseUrl },
    requests,
    [Symbol.asyncDispose]: () => server.close(),
  };
}
